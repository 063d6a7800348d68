from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project_data import draw, make_project, numbered, write_weights
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.cli.options import at_a_terminal
from leukorepro.config.datasets import load_dataset
from leukorepro.config.runs import load_run
from leukorepro.core import store
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.run import project
from leukorepro.run.resolve import resolve

RUN = Path("config/runs/smears.yaml")
DATASET = Path("config/datasets/smears.yaml")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a folder of its user's images: two classes, four patients in the names."""
    monkeypatch.chdir(make_project(tmp_path))
    draw(tmp_path / "images", *(f"{label}/p{i}_{label}.png" for label in ("aml", "normal") for i in range(5)))
    return tmp_path


def init(
    *words: str, name: str = "smears", images: str = "images", weights: bool = True, answer: str | None = None
) -> Any:
    """Run `leukorepro init`; random weights, because the study's own are not on this machine."""
    given_weights = ["--weights", "googlenet=random", "--weights", "inception_v3=random"] if weights else []
    basic = ["init", "--name", name, "--images", images, "--study", "atteia2022"]
    return CliRunner().invoke(app, [*basic, *given_weights, *words], input=answer)


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def counted(done: Any) -> dict[str, list[str]]:
    """The rows of the table of classes."""
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in done.output.splitlines() if "│" in line]
    return {label: numbers for label, *numbers in rows}


# ------------------------------------------------------------------------------------------------------ what it writes


def test_two_files_are_written_and_the_command_is_printed() -> None:
    done = init()
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(DATASET.read_text()) == {
        "adapter": "image_folder",
        "images": "images",
        "positive_class": "aml",
    }
    assert yaml.safe_load(RUN.read_text()) == {
        "name": "smears",
        "budget": "demo",
        "group_near_duplicates": True,
        "studies": [
            {
                "study": "atteia2022",
                "dataset": "smears",
                "weights": {"googlenet": "random", "inception_v3": "random"},
            }
        ],
    }
    assert DATASET.read_text().startswith("# yaml-language-server: $schema=../schema/dataset.json\n")
    assert RUN.read_text().startswith("# yaml-language-server: $schema=../schema/run.json\n")
    lines = done.output.splitlines()
    assert lines[0] == "10 image files, 10 readable"
    assert counted(done) == {"aml": ["5"], "normal": ["5"], "in all": ["10"]}
    assert "Subjects are not known: no split can keep a patient on one side" in done.output
    assert "Look at these" not in done.output
    assert f"wrote {DATASET}" in lines
    assert f"wrote {RUN}" in lines
    assert lines[-1] == f"  snakemake --cores all --configfile {RUN}"


def test_the_printed_command_makes_the_run_that_was_asked_for() -> None:
    words = init("--extractor", "mobilenet_v2", "--weights", "mobilenet_v2=random", weights=False)
    command = shlex.split(words.output.splitlines()[-1])
    study = resolve(Path(command[-1])).studies[0]
    assert (study.dataset_id, study.images) == ("smears", Path("images"))
    assert {name: e.id for name, e in study.extractors.items()} == {"mobilenet_v2": "mobilenet_v2-gap-random_0-224"}
    assert list(study.protocols) == ["as_published", "fit_in_fold", "source_disjoint"]


@pytest.mark.parametrize("extractors", [["googlenet"], ["mobilenet_v2", "googlenet"]])
def test_extractors_replace_the_studys_own(extractors: list[str]) -> None:
    words = [word for name in extractors for word in ("--extractor", name, "--weights", f"{name}=random")]
    assert init(*words, weights=False).exit_code == 0
    assert load_run(RUN).studies[0].extractors == extractors


@pytest.mark.parametrize("images", ["images", "./images", "../{root}/images", "{absolute}"])
def test_a_path_stays_as_it_is_given(root: Path, images: str) -> None:
    images = images.format(root=root.name, absolute=root / "images")
    assert init(images=images).exit_code == 0
    dataset = load_dataset(DATASET)
    assert isinstance(dataset, FolderDataset)
    assert dataset.images == Path(images)


def test_files_of_weights_are_kept_as_given(root: Path) -> None:
    write_weights(root / "a=b.pth")
    words = ["--extractor", "mobilenet_v2", "--weights", "mobilenet_v2=file:a=b.pth", "--budget", "published"]
    assert init(*words, weights=False).exit_code == 0
    run = load_run(RUN)
    assert (run.budget, run.studies[0].weights) == ("published", {"mobilenet_v2": "file:a=b.pth"})


def test_subjects_come_from_an_expression_or_a_table(root: Path) -> None:
    by_name = init("--subject-regex", r"(?P<subject>p\d)_")
    assert "left out: external, because" in by_name.output
    assert "subject_disjoint" not in by_name.output
    assert counted(by_name) == {"aml": ["5", "5"], "normal": ["5", "5"], "in all": ["10", "5"]}
    assert "Subjects are not known" not in by_name.output
    assert yaml.safe_load(DATASET.read_text())["subjects"] == {"regex": r"(?P<subject>p\d)_"}
    images = sorted(path.name for path in (root / "images").rglob("*.png"))
    (root / "who.csv").write_text("image,subject\n" + "".join(f"{name},{name[:2]}\n" for name in images))
    assert init("--subjects-csv", "who.csv", "--force").exit_code == 0
    assert yaml.safe_load(DATASET.read_text())["subjects"] == {"csv": "who.csv"}
    assert "subject_disjoint" in resolve(RUN).studies[0].protocols


def test_rungs_that_the_images_do_not_allow_are_told() -> None:
    told = [line for line in init().output.splitlines() if line.startswith("left out: ")]
    assert told == [
        "left out: subject_disjoint, because the dataset smears has no subject ids",
        "left out: external, because the dataset smears has no held-out part of its own",
    ]


def test_a_published_dataset_needs_no_word_on_its_classes(root: Path) -> None:
    cells = numbered("fold_0/all/UID_{}_1_1_all.bmp", "fold_0/hem/UID_H{}_1_1_hem.bmp")
    draw(root / "cnmc", *cells, "prelim/all/UID_13_1_1_all.bmp", "prelim/hem/UID_H14_1_1_hem.bmp")
    done = init("--adapter", "cnmc2019", images="cnmc")
    assert done.exit_code == 0, done.output
    assert "left out" not in done.output
    assert "--positive" not in done.output
    assert yaml.safe_load(DATASET.read_text()) == {"adapter": "cnmc2019", "images": "cnmc"}
    assert load_dataset(DATASET).positive_class == "all"


@pytest.mark.parametrize("count", [2, 3, 8])
def test_any_number_of_classes(root: Path, count: int) -> None:
    draw(root / "many", *(f"class {i}/{k}.png" for i in range(count) for k in range(3)))
    done = init(images="many")
    assert done.exit_code == 0
    assert counted(done) == {**{f"class {i}": ["3"] for i in range(count)}, "in all": [f"{3 * count}"]}
    assert ("taken as the diseased class: " in done.output) is (count == 2)
    assert (load_dataset(DATASET).positive_class is not None) is (count == 2)


@pytest.mark.parametrize(
    ("classes", "diseased"),
    [
        (("ALL", "Healthy"), "ALL"),
        (("all", "hem"), "all"),
        (("0", "1"), "1"),
        (("benign", "malignant"), "malignant"),
        (("lymphoma", "normal"), "lymphoma"),  # only the healthy name is known
        (("abnormal", "normal"), "abnormal"),
        (("AML", "monocyte"), "AML"),  # only the diseased name is known
        (("blasts", "other"), "blasts"),
    ],
)
def test_the_diseased_class_is_guessed_and_told(root: Path, classes: tuple[str, str], diseased: str) -> None:
    draw(root / "two", *(f"{name}/{i}.png" for name in classes for i in range(2)))
    assert f"taken as the diseased class: {diseased} (choose with --positive)" in init(images="two").output
    assert load_dataset(DATASET).positive_class == diseased


def test_the_diseased_class_can_be_chosen() -> None:
    done = init("--positive", "normal")
    assert "taken as" not in done.output
    assert load_dataset(DATASET).positive_class == "normal"


NAMES = st.text(st.characters(blacklist_categories=["C"], blacklist_characters="/."), min_size=1, max_size=12)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folder=NAMES, classes=st.sets(NAMES.map(str.casefold), min_size=2, max_size=3))
def test_folders_may_have_any_name(root: Path, folder: str, classes: set[str]) -> None:
    parent = root / "any" / folder
    names = sorted(classes)
    draw(parent, *(f"{name}/{i}.png" for name in names for i in range(2)))
    dataset = FolderDataset(adapter="image_folder", images=parent)
    weights = {"googlenet": "random", "inception_v3": "random"}
    project.prepare("smears", dataset, "atteia2022", [], weights, "demo", force=True).write()
    read = load_dataset(DATASET)
    assert isinstance(read, FolderDataset)
    assert read.images == parent
    for name in names:
        for i in range(2):
            (parent / name / f"{i}.png").unlink()


def test_broken_files_are_left_out_where_so_many_are_accepted(root: Path) -> None:
    break_two(root)
    done = init("--max-unreadable", "2")
    assert done.exit_code == 0, done.output
    assert counted(done) == {"aml": ["4", "1"], "normal": ["4", "1"], "in all": ["8", "2"]}
    assert "  normal/p0_normal.png: empty: " in done.output
    assert load_dataset(DATASET).max_unreadable == 2


# --------------------------------------------------------------------------------------------------------- what it asks

WRITTEN = f"wrote {RUN}"
QUESTION = "Some of this looks suspicious. Write the run all the same? [y/N]:"


@pytest.mark.parametrize(
    ("somebody_there", "suspicious", "words", "answer", "asked", "written"),
    [
        (True, True, [], "y\n", True, True),
        (True, True, [], "n\n", True, False),
        (True, True, [], "", True, False),  # the terminal is closed
        (True, True, ["--yes"], "n\n", False, True),
        (True, False, [], "n\n", False, True),
        (False, True, [], "y\n", False, False),
        (False, True, ["--yes"], "", False, True),
        (False, False, [], "", False, True),
    ],
)
def test_it_asks_where_something_looks_suspicious_and_somebody_is_there(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    somebody_there: bool,
    suspicious: bool,
    words: list[str],
    answer: str,
    asked: bool,
    written: bool,
) -> None:
    monkeypatch.setattr("leukorepro.cli.init.at_a_terminal", lambda: somebody_there)
    if suspicious:
        draw(root / "images", *numbered("Normal /{}.png"))
    before = files(root)
    done = init(*words, answer=answer)
    assert ("like one under 2 names" in done.output) is suspicious
    assert (QUESTION in done.output) is asked
    assert (WRITTEN in done.output) is written
    assert (files(root) == before) is not written
    assert done.exit_code == (0 if written else 1 if somebody_there else 2)
    assert ("write the run all the same with --yes" in done.output) is (not somebody_there and not written)


def test_nobody_is_there_where_standard_input_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert not at_a_terminal()


def test_nothing_is_written_while_the_images_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(root)
    seen = []

    def scan(*words: Any, **options: Any) -> Any:
        seen.append(files(root))
        return really(*words, **options)

    really = project.scan
    monkeypatch.setattr(project, "scan", scan)
    assert init().exit_code == 0
    assert seen == [before]


# ------------------------------------------------------------------------------------------------------ what it refuses


def break_two(root: Path) -> None:
    """One file ends early, another is empty."""
    whole = (root / "images/aml/p2_aml.png").read_bytes()
    (root / "images/aml/p2_aml.png").write_bytes(whole[: len(whole) // 2])
    (root / "images/normal/p0_normal.png").write_bytes(b"")


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("accepted", [0, 1])
def test_more_broken_files_than_are_accepted_are_told_at_once(root: Path, accepted: int, force: bool) -> None:
    if force:  # there is something to lose
        assert init().exit_code == 0
    break_two(root)
    before = files(root)
    done = init("--max-unreadable", str(accepted), *(["--force"] if force else []))
    assert "Unreadable, left out:\n  aml/p2_aml.png: " in done.stdout
    assert "\n  normal/p0_normal.png: empty: the file has no bytes\n" in done.stdout
    message = refused(done)
    assert message == (
        f"2 of 10 image files cannot be read, but max_unreadable is {accepted}: aml/p2_aml.png (truncated), "
        "normal/p0_normal.png (empty). Repair or remove them, or leave them out with `max_unreadable: 2` in the "
        "dataset's configuration (`--max-unreadable 2` on the command line)."
    )
    assert files(root) == before


@pytest.mark.parametrize("lost", ["by name", "unreadable"])
def test_a_rung_for_which_there_are_too_few_patients_is_left_out_with_what_would_allow_it(
    root: Path, lost: str
) -> None:
    few = sorted((root / "images/normal").iterdir())[:2]
    for file in few:
        if lost == "by name":
            file.unlink()
        else:
            file.write_bytes(b"")
    draw(root / "images", "normal/p2_more.png", "normal/p3_more.png")
    done = init("--subject-regex", r"(p\d)_", "--max-unreadable", "2")
    (told,) = [line for line in done.output.splitlines() if line.startswith("left out: subject_disjoint, because ")]
    assert "5 folds need at least 5 groups of images that share a subject in each class, but" in told
    assert "; add some, or use fewer folds in the study" in told
    assert "leave this rung out" not in told


def test_the_images_of_the_tutorial_have_patients_enough_for_the_honest_rung() -> None:
    page = (Path(__file__).parents[2] / "docs/tutorials/own_images.md").read_text()
    (command,) = [line for line in page.splitlines() if line.startswith("leukorepro data simulate ")]
    assert CliRunner().invoke(app, command.split()[1:]).exit_code == 0
    (options,) = re.findall(r"`(--table my_smears/[^`]*)`", page)
    done = init(*options.split(), images="my_smears")
    assert done.exit_code == 0, done.output
    assert "left out: subject_disjoint" not in done.output
    assert "subject_disjoint" in resolve(RUN).studies[0].protocols


def test_rungs_that_the_readable_images_do_not_allow_are_left_out_of_the_run(root: Path) -> None:
    break_two(root)
    done = init("--max-unreadable", "2")
    assert (
        "left out: source_disjoint, because splits.five_folds: 5 folds need at least 5 source images in each class, "
        "but aml has 4, normal has 4; add some, or use fewer folds in the study\n"
    ) in done.output
    assert load_run(RUN).studies[0].rungs == ["as_published", "fit_in_fold"]
    assert list(resolve(RUN).studies[0].protocols) == ["as_published", "fit_in_fold"]


def test_readable_images_too_few_for_every_rung_are_refused(root: Path) -> None:
    for file in list((root / "images/normal").iterdir())[1:]:
        file.write_bytes(b"")
    before = files(root)
    assert refused(init("--max-unreadable", "4")).startswith(
        "images: as_published, splits.five_folds: 5 folds need at least 5 rows in each class, but normal has 3; add "
    )
    assert files(root) == before


def test_a_class_of_broken_files_alone_is_refused(root: Path) -> None:
    for file in (root / "images/normal").iterdir():
        file.write_bytes(b"")
    before = files(root)
    assert refused(init("--max-unreadable", "5")) == "images: no image of the class normal can be read; replace them."
    assert files(root) == before


def refused(done: Any) -> str:
    assert done.exit_code == 2, done.output
    assert done.stderr.count("\n") == 1
    return str(done.stderr).removeprefix("leukorepro: ").strip()


def test_existing_files_are_replaced_only_with_force(root: Path) -> None:
    assert init().exit_code == 0
    before = files(root)
    message = refused(init("--positive", "normal"))
    assert message == f"{DATASET}: exists already; choose another --name, or replace it with --force."
    assert files(root) == before
    assert init("--positive", "normal", "--force").exit_code == 0
    assert {path.relative_to(root) for path in before if before[path] != files(root)[path]} == {DATASET}


WRONG = [
    (["--extractor", "mobilnet_v2"], f"{RUN}: studies[0].extractors: unknown backbone 'mobilnet_v2'. Known: "),
    (["--study", "atteia"], f"{RUN}: studies[0].study: unknown study 'atteia'. Known: atteia2022."),
    (["--weights", "googlnet=random"], f"{RUN}: studies[0].weights: unknown extractor 'googlnet'. Known: googlenet, "),
    (["--extractor", "googlenet", "--extractor", "googlenet"], f"{RUN}: studies[0].extractors: 'googlenet' is named "),
    (["--weights", "x=imagnet"], f"{RUN}: studies[0].weights.x: given 'imagnet'; must be imagenet, random or file:PA"),
    (["--weights", "x=file:no.pth", "--extractor", "x"], f"{RUN}: studies[0].extractors: unknown backbone 'x'. "),
    (["--positive", "all"], "--positive: no class 'all'; found aml, normal."),
    (["--images", "nowhere"], "nowhere: no such folder; expected there: one folder per class "),
    (["--images", "images/aml"], "images/aml: only one class (images beside no class folder); put each class into a "),
    (["--images", "one"], "one: only one class (aml); put each class into a folder of its own."),
    (
        ["--images", "deep"],
        "deep: only one class (in); put each class into a folder of its own. 2 folders ('a', 'b') look ",
    ),
    (["--images", "eight", "--positive", "c1"], "--positive: 3 classes (c0, c1, c2); only one of two can be positive."),
    (["--subject-regex", "p"], "options: subjects.regex: given 'p', without a group; "),
    (["--subject-regex", "(q)"], "images: the expression '(q)' for subjects finds none in 10 of 10 images "),
    (["--subjects-csv", "no.csv"], "no.csv: no such file; "),
    (["--adapter", "allidb"], "images/aml/p0_aml.png: not a name of ALL-IDB "),
    (["--name", "../smears"], "--name: given '../smears'; must be letters, digits, '_', '.' and '-', a letter or "),
    (["--name", "a b"], "--name: given 'a b'; must be letters, "),
    (["--name", ""], "there is nothing after '--name'; "),
    (["--name", "features"], "--name: results/features is shared by all runs; choose another name."),
    (["--name", "demo"], "--name: results/demo belongs to config/config.yaml; choose another name."),
]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_what_is_wrong_is_told_and_nothing_is_changed(root: Path, words: list[str], expected: str, force: bool) -> None:
    draw(root / "one", "aml/1.png")
    draw(root / "deep", "in/a/1.png", "in/b/1.png")
    draw(root / "eight", *numbered("c0/{}.png", "c1/{}.png", "c2/{}.png"))
    if force:  # there is something to lose
        assert init("--subject-regex", r"(p\d)").exit_code == 0
        DATASET.write_bytes(DATASET.read_bytes() + b"# mine: \xc3\xa9\r\n")
    before = files(root)
    assert refused(init(*words, *(["--force"] if force else []))).startswith(expected)
    assert files(root) == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("place", ["first file", "second file", "check", "images", "first file again", "second again"])
def test_no_failure_leaves_a_half_written_pair(
    root: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, force: bool, place: str
) -> None:
    if force:
        assert init("--subject-regex", r"(p\d)").exit_code == 0
    before = files(root)
    written: list[Path] = []
    write_text = store.write_text
    number = {"first file": 1, "second file": 2, "first file again": 3, "second again": 4}.get(place)

    def write(text: str, path: Path) -> None:
        written.append(path)
        if len(written) == number:
            raise error
        write_text(text, path)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(store, "write_text", write)
    if number is None:
        monkeypatch.setattr(project, {"check": "resolve", "images": "scan"}[place], fail)
    assert init("--force").exit_code != 0
    assert files(root) == before


def test_elsewhere_a_project_is_started_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")
    done = init(images=str(root / "images"))
    assert done.exit_code == 0, done.output
    assert "wrote Snakefile" in done.output
    assert DATASET.is_file()
    assert resolve(RUN).studies[0].study.key == "atteia2022"


def test_a_project_is_taken_back_where_its_run_cannot_be_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")
    refused(init("--positive", "benign", images=str(root / "images")))
    assert not files(root / "elsewhere")
