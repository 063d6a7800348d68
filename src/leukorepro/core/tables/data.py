"""Tables of images and splits, and of what people write beside them: subjects, labels, printed numbers."""

from __future__ import annotations

from leukorepro.core.tables.table import Table, number, text, whole

MANIFEST_TABLE = Table(
    {
        **text("image_id", "path", "label", "subject_id", "source_id", "official_split", "sha256"),
        **whole("width", "height"),
        **text("status"),
    }
)
"""A row for each image file of a dataset."""

CROPS_TABLE = Table({**text("image_id", "photograph"), **number("correlation"), **whole("left", "top")})
"""Crops and the photographs of the same dataset that they were found in: both by their image_id, the correlation of
their grey values, and the upper left corner of the place, in pixels."""

SPLITS_TABLE = Table({**text("image_id", "view", "role"), **whole("repeat", "fold")}, behind=whole("seed"))
"""Which rows train and which are tested, in each fold of each repeat. `seed`: of a run that draws several times, which
of its seeds the repeat belongs to, counted from 0."""

OWN_SPLITS_TABLE = Table(text("image_id", "role"), behind={**text("view"), **whole("repeat", "fold", "seed")})
"""A person's own split table: of original images without `view`, of a single split without `repeat` and `fold`."""

MOVES_TABLE = Table(
    {**text("image_id", "view"), **whole("repeat", "fold"), **text("before", "after"), **whole("group"), **text("why")}
)
"""Rows of a split table that were given another role, and why; rows of one `group` belong together."""

SUBJECT_IDS_TABLE = Table(text("image", "subject"))
"""A person's own list of subjects: an image by its path or file name, and whose it is."""

CNMC_LABELS_TABLE = Table(text("Patient_ID", "new_names", "labels"))
"""C-NMC's own list of the images of its preliminary phase."""

DEEPAPL_PATIENTS_TABLE = Table(text("Patient_ID", "Diagnosis", "Cohort"), further=(".*",))
"""DeepAPL's own list of its patients; ages and sexes follow."""

SIMULATION_TABLE = Table(text("path", "label", "subject_id", "source_id", "official_split"), further=("[a-z_]+",))
"""Simulated images; the columns that follow say what was drawn."""

POOL_TABLE = Table(text("image_id", "label", "subject_id", "source_id"))
"""Images of a population that repeated studies draw their samples from."""

PUBLISHED_TABLE = Table(text("table", "item", "metric", "value", "note"), optional=("note",), behind=text("confirmed"))
"""Numbers that a paper prints; a value is text, for its digits say how far it was rounded. `confirmed`: of numbers that
were read by machine, yes where a person has compared them with the paper."""

READ_TABLE = Table(text(*PUBLISHED_TABLE.columns, "page", "heading", "printed", *PUBLISHED_TABLE.behind))
"""Numbers that were read from a paper's file: as those that a person enters, and where each stands as printed; a person
who has looked enters yes for `confirmed`."""
