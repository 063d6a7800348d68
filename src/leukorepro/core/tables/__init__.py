"""Tables that one stage writes and others read: the columns of each, their types, how it is read and written."""
