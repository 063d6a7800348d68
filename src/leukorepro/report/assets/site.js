// What the pages of a report do beyond showing: everything is there without it.
"use strict";

// On narrow screens the list of pages is closed, so that a page begins with what it is about.
const menu = document.querySelector("details.menu");
menu.open = matchMedia("(min-width: 60rem)").matches;
