"""Another laboratory's names of classes, and the model's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from leukorepro.core.errors import UserError, look_up, some


def own_names(
    theirs: Iterable[str], classes: Sequence[str], given: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What the model calls each class of a labelled folder.

    Parameters
    ----------
    theirs : iterable of str
        Classes of the folder; "" where images lie in no folder of a class.
    classes : sequence of str
        The model's.
    given : mapping of str to str
        What is said of some of theirs; the others are known by their names, in either case.
    labels : mapping of str to str, optional
        Further names that the model's classes are known by: labels of the images that it was fitted on.

    Raises
    ------
    UserError
        If one of theirs is none of the model's, or what is said names a class that is not there; if images have no
        class, or all of them the same one.
    """
    theirs = sorted(set(theirs))
    if "" in theirs:
        raise UserError(
            "--images: images lie in no folder of a class; put those of each class into a folder of their own."
        )
    known = {label.casefold(): name for label, name in (labels or {}).items()}
    known |= {name.casefold(): name for name in classes}
    for own, name in given.items():
        look_up(dict.fromkeys(theirs), own, "folder", "--class")
        look_up(dict.fromkeys(classes), name, "class", "--class")
    names = {name: given.get(name, known.get(name.casefold(), "")) for name in theirs}
    if strange := [name for name, own in names.items() if not own]:
        raise UserError(
            f"--images: the model knows no class {some(strange)}; its classes are {', '.join(classes)}. Say which of "
            f"them it is with `--class {strange[0]}={classes[0]}`, or move the folder away."
        )
    if len(set(names.values())) == 1:
        raise UserError(
            f"--images: all images are of the class {next(iter(names.values()))}; a model is evaluated on images of "
            "two classes or more."
        )
    return names
