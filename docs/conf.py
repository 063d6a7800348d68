"""How the documentation is built: `make docs`."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "leukorepro"
copyright = "the leukorepro developers"
version = release = version_of("leukorepro")
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "reference"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "leukorepro"
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
exclude_patterns = ["_build"]
html_copy_source = False
html_show_sphinx = False

nitpicky = False  # types of arguments are words here, as numpydoc has them, and no references
autodoc_member_order = "bysource"
autodoc_typehints = "none"
default_role = "code"  # docstrings have single backticks
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
linkcheck_timeout = 10
