"""One study's part of the page, put together from the other sections."""
