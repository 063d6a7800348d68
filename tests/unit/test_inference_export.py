"""Models of a finished run: a fold's says what the run says, one of all rows is fitted on all that the rung allows."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from finished_run import CLASSIFIERS, STUDY, make_finished_run
from model_data import small_model
from safetensors.numpy import load as read_state
from safetensors.numpy import save_file
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leukorepro.config.run_files import run_file
from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader, read_json, sha256_file
from leukorepro.core.tables.results import BACKGROUND_TABLE, SHARES_TABLE
from leukorepro.data.manifest import read_manifest
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.predictions import read_predictions
from leukorepro.features.backbones.state_dicts import read_parameters
from leukorepro.features.fusion import read_features
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.inference.bundle.description import TRAINED_ON
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.explaining.comparison import explain_headline
from leukorepro.inference.exporting.choice import Choice, choose
from leukorepro.inference.exporting.described import caveats
from leukorepro.inference.exporting.export import export
from leukorepro.inference.exporting.fitting import fit_system
from leukorepro.inference.exporting.measured import OutOfFold, calibrate, choose_threshold, out_of_fold, performance
from leukorepro.inference.exporting.rows import allowed_rows, training_rows
from leukorepro.inference.exporting.sources import find_sources
from leukorepro.inference.exporting.trained_networks import without_folders
from leukorepro.inference.extractors import feature_network
from leukorepro.inference.model import decide
from leukorepro.inference.operating import Calibration, MultinomialCalibration, PlattCalibration, drawn_in
from leukorepro.inference.training_images import image_digests
from leukorepro.run.paths import ExplanationsFolder
from leukorepro.run.resolved import ResolvedRun, finished_run, load_finished
from leukorepro.run.specify import explanations_specification
from leukorepro.systems.autoencoders.encoder import Encoder

pytestmark = pytest.mark.usefixtures("one_thread")

HONEST = "subject_disjoint"
ITEMS = [f"{number}/{item['item']}" for number, table in STUDY["tables"].items() for item in table["items"]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResolvedRun]:
    folder = tmp_path_factory.mktemp("finished")
    made = make_finished_run(folder)
    with contextlib.chdir(folder):
        yield made


def chosen(run: ResolvedRun, item: str, rung: str = HONEST, fold: int | None = None) -> Choice:
    return choose(run, "tiny", item, rung, fold)


# ---------------------------------------------------------------------------------------------------------------- folds


@pytest.mark.parametrize(
    ("item", "rung"),
    [*((item, HONEST) for item in ITEMS), *((f"1/{name}", "as_published") for name in ("rbf", "reduced", "seen"))],
)
def test_a_folds_model_says_what_the_run_says_of_its_tested_rows(
    run: ResolvedRun, item: str, rung: str, tmp_path: Path
) -> None:
    """The same classes; scores to 1e-6 of the largest, since kernels and networks are computed in other batches."""
    choice = chosen(run, item, rung, 0)
    data = training_rows(choice)
    system = fit_system(choice, data, device="cpu", work=tmp_path / "work")
    said = read_predictions(choice.folder.predictions(rung))
    said = said[(said["table"] == choice.table) & (said["item"] == choice.item.item) & (said["fold"] == 0)]
    rows = np.asarray(data.features.matrix[data.features.row_numbers(said)])
    write_model(small_model(system), tmp_path / "model")
    names = ["score"] if len(system.classes) == 2 else [f"score_{name}" for name in system.classes]
    scores = said[names].to_numpy(np.float64)
    for own in (system, read_model(tmp_path / "model", device="cpu").system):
        answer = own.answers(rows)
        assert list(answer.predicted) == list(said["y_pred"])
        np.testing.assert_allclose(answer.scores, scores, rtol=0, atol=1e-6 * np.abs(scores).max())


# ------------------------------------------------------------------------------------------------------------- all rows


def test_all_rows_are_all_views_of_all_images_that_take_part() -> None:
    names = [f"{label}{number}" for label in "ab" for number in range(6)]
    manifest = pd.DataFrame({"image_id": names, "label": [name[0] for name in names], "status": "ok"})
    manifest = manifest.assign(subject_id=names, source_id=names, official_split=["new", *["old"] * 4, ""] * 2)
    manifest.loc[1, "subject_id"] = "a0"  # shares its subject with an image of the held-out part
    views = ["identity", "hflip"]
    folds = KFoldScheme(kind="k_fold", n_splits=2, views=views)
    once = HoldOutScheme(kind="hold_out", test_share=0.3, validation_share=0.3, views=views)

    def allowed(scheme: KFoldScheme | HoldOutScheme, rung: str, unit: str) -> set[tuple[str, str]]:
        protocol = Protocol(rung=rung, unit=unit, scope="train")  # type: ignore[arg-type]
        table = make_splits(manifest, scheme, protocol, 0, "new")
        rows = allowed_rows(table, protocol)
        assert not rows.duplicated().any()
        return set(rows.itertuples(index=False, name=None))

    everything = {(name, view) for name in names if name not in ("a0", "b0") for view in views}
    assert allowed(folds, "as_published", "view") == everything
    assert allowed(folds, "source_disjoint", "source") == everything
    assert allowed(once, "source_disjoint", "source") == everything
    assert allowed(once, HONEST, "subject") == everything
    assert allowed(folds, "external", "subject") == {row for row in everything if row[0] != "a1"}


def test_a_model_of_all_rows_is_fitted_on_all_of_them(run: ResolvedRun, tmp_path: Path) -> None:
    """scikit-learn alone on the whole feature file gives the same."""
    choice = chosen(run, "1/logistic")
    features = read_features(choice.features)
    truth = np.where(features.rows["image_id"].str.startswith("M2"), "well", "sick")
    own = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features.matrix, truth)
    model = export(choice, tmp_path / "model")
    answer = read_model(tmp_path / "model").system.answers(features.matrix)
    np.testing.assert_allclose(answer.scores[:, 0], -own.decision_function(features.matrix), rtol=1e-6)
    assert model.card.training.n_rows == len(features.rows)
    assert {name: (c.images, c.subjects) for name, c in model.card.training.classes.items()} == {
        "sick": (16, 8),
        "well": (8, 4),
    }
    assert model.card.caveats == ["Demo budget: nothing of this is smaller for it."]  # real images
    assert "was itself not measured" in (tmp_path / "model" / "card.md").read_text()
    assert not list(tmp_path.glob(".*"))


def test_a_reducer_is_the_runs_own_where_it_saw_the_same_rows(run: ResolvedRun, tmp_path: Path) -> None:
    """As published it saw all rows; in a fold of the honest rung it saw fewer, and is fitted again."""
    for rung, same in (("as_published", True), (HONEST, False)):
        choice = chosen(run, "1/reduced", rung)
        reducer = fit_system(choice, training_rows(choice), device="cpu", work=tmp_path).reducer
        assert isinstance(reducer, Encoder)
        path = choice.folder.reducer(rung, "two", "both", "codes")
        with hdf5_reader(path) as file:
            theirs = [Encoder.read(group, path).weight for group in file.values()]
        assert any(np.array_equal(reducer.weight, weight) for weight in theirs) is same


@pytest.mark.parametrize("item", ["1/seen", "1/coded", "1/flipped"])
def test_networks_are_trained_again_on_all_rows_and_kept(run: ResolvedRun, item: str, tmp_path: Path) -> None:
    choice = chosen(run, item)
    model = export(choice, tmp_path / "model", device="cpu")
    matrix = np.asarray(training_rows(choice).features.matrix)
    read = read_model(tmp_path / "model", device="cpu")
    before, after = model.system.answers(matrix), read.system.answers(matrix)
    np.testing.assert_allclose(after.scores, before.scores, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("item", "rung", "fold", "known"),
    [
        ("1/rbf", HONEST, None, {"train", "test"}),
        ("1/rbf", HONEST, 0, {"train"}),
        ("1/reduced", HONEST, 0, {"train"}),
        ("1/reduced", "as_published", 0, {"train", "test"}),  # its autoencoder sees all rows
        ("2/rbf", HONEST, 1, {"train"}),
    ],
)
def test_a_model_knows_the_images_that_it_was_fitted_on_and_no_others(
    run: ResolvedRun, item: str, rung: str, fold: int | None, known: set[str], tmp_path: Path
) -> None:
    choice = chosen(run, item, rung, fold)
    export(choice, tmp_path / "model", device="cpu")
    model = read_model(tmp_path / "model", device="cpu")
    splits = training_rows(choice).splits
    roles = splits[splits["fold"] == (fold or 0)].groupby("role")["image_id"].unique()
    manifest = read_manifest(choice.manifest)
    found = np.isin(image_digests(manifest["sha256"], model.card.training), model.trained_on)
    assert set(manifest.loc[found, "image_id"]) == {image for role in known for image in roles[role]}
    export(choice, tmp_path / "again", device="cpu")
    assert (tmp_path / "again" / TRAINED_ON).read_bytes() == (tmp_path / "model" / TRAINED_ON).read_bytes()
    other = model.card.training.model_copy(update={"rows_sha256": "0" * 64})
    assert not np.isin(image_digests(manifest["sha256"], other), model.trained_on).any()


# -------------------------------------------------------------------------------------------------------------- weights


def test_random_weights_come_back_with_their_statistics(run: ResolvedRun, tmp_path: Path) -> None:
    export(chosen(run, "1/extracted"), tmp_path / "model")
    model = read_model(tmp_path / "model")
    features = read_features(chosen(run, "1/extracted").features)
    network = feature_network(model, 0)
    assert "RANDOM" in (tmp_path / "model" / "card.md").read_text()
    assert network.weights_sha256 == model.sources[0].weights_sha256
    assert network.dim == features.matrix.shape[1]


def test_a_users_own_weights_go_along(run: ResolvedRun, tmp_path: Path) -> None:
    """Written as safetensors into the folder, which may be moved and is looked up there."""
    export(chosen(run, "1/extracted"), tmp_path / "model")
    model = read_model(tmp_path / "model")
    state = {name: value.contiguous() for name, value in feature_network(model, 0).body.state_dict().items()}
    from safetensors.torch import save

    name = "weights-own.safetensors"
    part = model.system.parts[0].model_copy(update={"weights": f"file:{name}"})
    source = model.sources[0].model_copy(update={"part": part, "stored": name})
    own = type(model)(**{**vars(model), "sources": (source,)})
    write_model(own, tmp_path / "own", {name: save(state)})
    moved = shutil.move(tmp_path / "own", tmp_path / "moved")
    read = read_model(Path(moved))
    assert read.system.parts[0].weights == f"file:{moved}/{name}"  # type: ignore[union-attr]
    np.testing.assert_equal(read_parameters(Path(moved) / name).keys(), state.keys())
    assert feature_network(read, 0).weights_sha256 == model.sources[0].weights_sha256


def test_own_weights_are_named_by_their_place_in_the_model(
    run: ResolvedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = chosen(run, "1/extracted")
    (part,) = choice.parts
    assert isinstance(part, ResolvedExtractor)
    file = tmp_path / "of_ms_doe" / "secret.safetensors"
    file.parent.mkdir()
    save_file({"conv.weight": np.ones((2, 3), np.float32)}, file)
    own = part.model_copy(update={"weights": f"file:{file}", "file_sha256": sha256_file(file)})
    monkeypatch.setattr(Choice, "parts", property(lambda _: (own,)))
    (found,) = find_sources(choice)
    assert found.content is not None
    np.testing.assert_array_equal(read_state(found.content)["conv.weight"], np.ones((2, 3)))
    assert found.source.stored == f"weights-{part.id}.safetensors"
    assert not re.search("of_ms_doe|secret", found.source.model_dump_json())


@pytest.mark.parametrize("item", ["1/rbf", "1/knn", "1/reduced", "1/cnn", "1/extracted"])
def test_nothing_of_a_model_names_a_subject_an_image_or_a_folder(run: ResolvedRun, item: str, tmp_path: Path) -> None:
    """Not in its plain files, nor in those that are in others; rows of features are in some, and the card says so."""
    choice = chosen(run, item)
    export(choice, tmp_path / "model", device="cpu")
    content = [file.read_bytes() for file in (tmp_path / "model").iterdir()]
    packed = tmp_path / "model" / "classifier.skops"
    if packed.is_file():
        with ZipFile(packed) as archive:
            content += [archive.read(name) for name in archive.namelist()]
    manifest = read_manifest(choice.manifest)
    names = {*manifest["image_id"], *manifest["subject_id"], *manifest["path"], *manifest["sha256"], str(Path.cwd())}
    assert len(names) > 30
    assert not [name for name in names for bytes_ in content if name.encode() in bytes_]
    kept = "keeps feature rows of training images" in (tmp_path / "model" / "card.md").read_text()
    assert kept is (item != "1/cnn")


def test_a_model_names_no_folder_of_the_machine_that_made_it(run: ResolvedRun) -> None:
    tuning = chosen(run, "1/tuned").tuning
    assert tuning is not None
    own = {"weights": "file:private/somebody/own.pth"}
    parts = {"network": tuning.network.model_copy(update=own), "input": tuning.input.model_copy(update=own)}
    told = without_folders(tuning.model_copy(update=parts))
    assert told.network.weights == told.input.weights == "file:own.pth"  # type: ignore[union-attr]


# -------------------------------------------------------------------------------------------- probability and threshold


def made_rows(n_folds: int = 4, n_groups: int = 40, seed: int = 0) -> OutOfFold:
    """Scores of a fair classifier, four images of each patient."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_groups), 4)
    positive = patient % 2 == 0
    rows = pd.DataFrame({"table": "1", "item": "x", "protocol": HONEST, "repeat": 0, "fold": patient % n_folds})
    names = [f"i{number}" for number in range(len(patient))]
    rows = rows.assign(image_id=names, view="identity", subject_id=[f"s{p}" for p in patient], source_id=names)
    score = random.normal(np.where(positive, 1.0, -1.0), 1.0)
    rows = rows.assign(y_true=np.where(positive, "p", "n"), y_pred=np.where(score > 0, "p", "n"), score=score)
    return OutOfFold(rows, {"p": "score"}, "margin", 0)


def test_calibration_is_platts() -> None:
    """scikit-learn's own, which is not public, has the same slope and intercept."""
    tested = made_rows()
    x = (np.sign(tested.scores) * np.log1p(np.abs(tested.scores)))[:, 0]
    theirs = _SigmoidCalibration().fit(x, tested.true[:, 0])
    ours = calibrate(tested)
    assert isinstance(ours, PlattCalibration)
    np.testing.assert_allclose([ours.slope, ours.intercept], [-theirs.a_, -theirs.b_], rtol=1e-4)
    np.testing.assert_allclose(ours.probabilities(tested.scores, "margin")[:, 0], theirs.predict(x), rtol=1e-4)
    assert {measured.metric for measured in ours.measured} >= {"brier", "ece"}


def calibrated(tested: OutOfFold) -> Calibration:
    made = calibrate(tested)
    assert made is not None
    return made


def made_rows_of_several(n: int) -> OutOfFold:
    """Margins of a fair classifier of four classes; a class twice as frequent as the one before it."""
    random = np.random.default_rng(1)
    names = np.array(list("abcd"))
    true = random.choice(4, n, p=np.array([1, 2, 4, 8]) / 15)
    scores = pd.DataFrame(2.0 * np.eye(4)[true] + random.normal(size=(n, 4)), columns=[f"score_{k}" for k in names])
    images = [f"i{number}" for number in range(n)]
    rows = pd.DataFrame({"table": "1", "item": "x", "protocol": HONEST, "repeat": 0, "fold": np.arange(n) % 3})
    rows = rows.assign(image_id=images, view="identity", source_id=images, y_true=names[true])
    rows = rows.assign(subject_id=[f"s{number % 60}" for number in range(n)])
    columns = {name: f"score_{name}" for name in names}
    return OutOfFold(rows.assign(y_pred=names[scores.to_numpy().argmax(axis=1)], **scores), columns, "margin", 0)


def test_calibration_of_several_classes_is_a_multinomial_logistic_regression() -> None:
    """scikit-learn's, but for targets that are nearly 0 and 1 where rows are many; what is left is as it must be."""
    many, few = made_rows_of_several(15_000), made_rows_of_several(60)
    theirs = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    theirs.fit(drawn_in(many.scores, "margin"), many.rows["y_true"])
    ours = calibrated(many)
    stated = ours.probabilities(many.scores, "margin")
    np.testing.assert_allclose(stated, theirs.predict_proba(drawn_in(many.scores, "margin")), atol=0.02)
    brier = next(measured.value for measured in ours.measured if measured.metric == "brier")
    assert brier == pytest.approx(np.square(stated - many.true).sum(axis=1).mean(), rel=0.02)

    counts = few.true.sum(axis=0)
    own, other = (counts + 1) / (counts + 4), 1 / (counts + 4)
    target = np.where(few.true, own, (few.true @ other)[:, None])
    missed = calibrated(few).probabilities(few.scores, "margin") - target
    np.testing.assert_allclose(missed.mean(axis=0), 0, atol=1e-4)  # what the gradient by intercepts and slopes is
    np.testing.assert_allclose(drawn_in(few.scores, "margin").T @ missed / 60, 0, atol=1e-4)


def test_a_model_of_several_classes_has_probabilities_of_all(run: ResolvedRun, tmp_path: Path) -> None:
    """Of margins; its predictions stay those of the classifier."""
    export(chosen(run, "2/rbf"), tmp_path / "model")
    model = read_model(tmp_path / "model")
    assert isinstance(model.calibration, MultinomialCalibration)
    answer = model.system.answers(np.asarray(training_rows(chosen(run, "2/rbf")).features.matrix))
    said = decide(model, answer)
    assert list(said.prediction) == list(answer.predicted)
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1)
    place = [answer.classes.index(name) for name in said.prediction]
    np.testing.assert_array_equal(said.probability, said.probabilities[np.arange(len(place)), place])
    assert "multinomial logistic regression" in (tmp_path / "model" / "card.md").read_text()


def test_calibrated_probabilities_of_separable_scores_are_finite() -> None:
    tested = made_rows()
    apart = tested._replace(rows=tested.rows.assign(score=np.where(tested.true[:, 0], 1e4, -1e4)))
    probability = calibrated(apart).probabilities(apart.scores, "margin")
    assert ((probability > 0.9) == apart.true).all()
    assert ((probability > 0) & (probability < 1)).all()
    assert np.isfinite(drawn_in(np.array([0.0, 1.0]), "probability")).all()


def test_one_score_far_off_does_not_decide_the_calibration() -> None:
    tested = made_rows()
    score = tested.scores[:, 0].copy()
    score[np.argmin(score)] = 5000.0  # of a row that is not positive
    far = tested._replace(rows=tested.rows.assign(score=score))
    given = np.array([[-2.0], [0.0], [2.0]])
    before, after = (calibrated(rows).probabilities(given, "margin") for rows in (tested, far))
    np.testing.assert_allclose(after, before, atol=0.15)


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95, 1.0])
def test_a_threshold_is_the_highest_with_the_sensitivity_and_is_measured_on_other_folds(wanted: float) -> None:
    tested = made_rows()
    scores, positive, fold = tested.scores[:, 0], tested.true[:, 0], tested.rows["fold"].to_numpy()

    def highest(rows: np.ndarray) -> float:
        known = np.sort(scores[rows & positive])[::-1]
        return float(known[int(np.ceil(wanted * len(known) - 1e-9)) - 1])

    chosen = choose_threshold(tested, wanted, HONEST)
    assert chosen.score == highest(np.ones_like(positive))
    said = np.zeros_like(positive)
    for number in range(4):
        said[fold == number] = scores[fold == number] >= highest(fold != number)
    sensitivity, specificity = chosen.measured
    assert (sensitivity.metric, specificity.metric) == ("sensitivity", "specificity")
    assert sensitivity.value == pytest.approx(said[positive].mean())
    assert specificity.value == pytest.approx(1 - said[~positive].mean())
    assert sensitivity.low is not None
    assert sensitivity.low <= sensitivity.value


def test_a_threshold_that_cannot_be_measured_is_refused(run: ResolvedRun) -> None:
    with pytest.raises(UserError, match="more than two classes"):
        choose_threshold(out_of_fold(chosen(run, "2/rbf")), 0.9, HONEST)
    with pytest.raises(UserError, match="one fold is tested on subject_disjoint"):
        choose_threshold(out_of_fold(chosen(run, "3/logistic held")), 0.9, HONEST)


def test_a_models_threshold_decides(run: ResolvedRun, tmp_path: Path) -> None:
    choice = chosen(run, "1/logistic")
    export(choice, tmp_path / "model", sensitivity=0.75)
    model = read_model(tmp_path / "model")
    answer = model.system.answers(np.asarray(training_rows(choice).features.matrix))
    said = decide(model, answer)
    assert model.threshold is not None
    assert list(said.prediction) == list(np.where(answer.scores[:, 0] >= model.threshold.score, "sick", "well"))
    order = np.argsort(answer.scores[:, 0])
    assert (np.diff(said.probability[order]) >= 0).all()


def test_a_folds_calibration_has_not_seen_its_tested_rows(run: ResolvedRun) -> None:
    alone = out_of_fold(chosen(run, "1/logistic", fold=0))
    assert set(alone.rows["fold"]) == {1}


# ---------------------------------------------------------------------------------------------------------------- words


def test_performance_is_what_the_run_measured_the_honest_rung_first(run: ResolvedRun) -> None:
    choice = chosen(run, "1/logistic", "as_published")
    rungs = performance(choice)
    assert [(rung.rung, rung.honest) for rung in rungs] == [(HONEST, True), ("as_published", False)]
    said = read_predictions(choice.folder.predictions(HONEST))
    said = said[(said["table"] == "1") & (said["item"] == "logistic")]
    accuracy = rungs[0].find("accuracy")
    assert accuracy is not None
    assert accuracy.value == pytest.approx((said["y_true"] == said["y_pred"]).mean())
    assert (rungs[0].n_images, rungs[0].n_subjects) == (24, 12)


def test_a_model_of_a_run_of_several_seeds_is_said_to_be_of_the_first(run: ResolvedRun) -> None:
    choice = chosen(run, "1/rbf")
    several = replace(choice, run=run.model_copy(update={"seeds": 3}))
    (told,) = set(caveats(several)) - set(caveats(choice))
    assert "means over 3 seeds" in told
    assert f"the first, {run.seed}." in told


@pytest.mark.parametrize(
    ("study", "item", "rung", "fold", "told"),
    [
        ("tinny", "1/rbf", HONEST, None, "unknown study 'tinny'. Known: tiny. Did you mean 'tiny'"),
        ("tiny", "1/rfb", HONEST, None, "--item: unknown item '1/rfb' of study 'tiny'. Known: .*Did you mean '1/rbf'"),
        ("tiny", "rbf", HONEST, None, "--item: 'rbf' is in several tables; say 1/rbf or 2/rbf"),
        ("tiny", "1/rbf", "subject_disjont", None, "--rung: unknown rung .*Did you mean 'subject_disjoint'"),
        ("tiny", "1/rbf", "external", None, "--rung: study 'tiny' has no external here: "),
        ("tiny", "1/rbf", HONEST, 7, "--fold: 7 is no fold of 'two' on subject_disjoint, which has 0 to 1"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    run: ResolvedRun, study: str, item: str, rung: str, fold: int | None, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        training_rows(choose(run, study, item, rung, fold))


def test_a_run_that_is_not_finished_is_told_with_the_command(run: ResolvedRun, tmp_path: Path) -> None:
    choice = chosen(run, "logistic held")
    metrics = choice.folder.table("metrics")
    aside = metrics.rename(tmp_path / "metrics.csv")
    with pytest.raises(UserError, match=r"'done' is not finished; .*snakemake .*--configfile config/runs/done.yaml"):
        export(choice, tmp_path / "model")
    aside.rename(metrics)
    assert not (tmp_path / "model").exists()


def test_a_run_goes_by_its_name_or_a_file(run: ResolvedRun) -> None:  # noqa: ARG001
    config = Path("results/done/config.json")
    assert run_file("done") == run_file("config/runs/done.yaml") == Path("config/runs/done.yaml")
    assert finished_run("done") == finished_run("config/runs/done.yaml") == finished_run(str(config)) == config
    with pytest.raises(UserError, match=r"unknown run 'dome'. Known: done. Did you mean 'done'"):
        run_file("dome")
    with pytest.raises(UserError, match=r"no results of a run 'dome' .*there are some of done"):
        load_finished(finished_run("dome"))


def test_every_kind_of_classifier_that_a_study_may_name_is_tried() -> None:
    tried = {item["classifier"] for table in STUDY["tables"].values() for item in table["items"]}
    assert tried == set(CLASSIFIERS)


# --------------------------------------------------------------------------------------------------------- explanations


def explained(run: ResolvedRun, headline: str, folder: ExplanationsFolder) -> list[Path]:
    (study,) = run.studies
    headed = study.model_copy(update={"study": study.study.model_copy(update={"headline": headline})})
    told = explanations_specification(run.model_copy(update={"explain": True}), headed)
    explain_headline(told, folder, threads=1)
    return told.inputs


@pytest.mark.parametrize("item", ["1/seen", "1/cnn", "1/coded", "1/extracted", "1/tuned", "1/flipped"])
def test_a_headline_is_explained_by_systems_that_say_what_the_run_says(
    run: ResolvedRun, item: str, tmp_path: Path
) -> None:
    folder = ExplanationsFolder(tmp_path)
    assert all(file.is_file() for file in explained(run, item, folder))
    told, shares = read_json(folder.told), SHARES_TABLE.read(folder.shares)
    assert (told["reason"], told["item"], told["rungs"]) == ("", item[2:], ["as_published", HONEST])
    images = [shares.loc[shares["protocol"] == rung, "image_id"].tolist() for rung in told["rungs"]]
    assert images[0] == images[1]
    for rung, rows in shares.groupby("protocol"):
        said = read_predictions(chosen(run, item).folder.predictions(str(rung)))
        said = said[(said["item"] == item[2:]) & (said["view"] == "identity")].set_index(["image_id", "fold"])
        assert said.loc[list(zip(rows["image_id"], rows["fold"], strict=True)), "y_pred"].tolist() == list(
            rows["y_pred"]
        )
    assert len(BACKGROUND_TABLE.read(folder.background)) == 3
    with hdf5_reader(folder.maps) as file:
        assert len(file["images"]) == len(file[HONEST]) == min(8, len(images[0]))


def test_a_headline_that_says_nothing_of_places_is_left_with_a_reason(run: ResolvedRun, tmp_path: Path) -> None:
    folder = ExplanationsFolder(tmp_path)
    explained(run, "1/cubic", folder)
    assert read_json(folder.told)["reason"].startswith("lab_segments: is computed from an image as a whole")
    assert SHARES_TABLE.read(folder.shares).empty
