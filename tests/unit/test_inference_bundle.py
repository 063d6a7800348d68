"""Models as folders: read as they were written, and refused when anything about them is not as it was."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skops.io
from huggingface_hub import ModelCard
from model_data import SIZE, grey, small_model, small_system, small_unlike, write_small_model
from safetensors.numpy import load, save
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline

from leukorepro.core.errors import UserError
from leukorepro.inference.bundle.description import (
    CARD,
    CARD_TEXT,
    CLASSIFIER,
    DESCRIPTION,
    REDUCER,
    TRAINED_ON,
    UNLIKE,
)
from leukorepro.inference.bundle.folder import NO_DIGEST
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.model import decide
from leukorepro.inference.system import FittedSystem
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kinds.mlp import MlpSpec
from leukorepro.systems.classifiers.kinds.softmax import SoftmaxSpec

EPOCHS = {"demo": 3, "published": 3}


def rows(*brightness: float) -> np.ndarray:
    return np.stack([grey(value).reshape(-1) / 255 for value in brightness]).astype(np.float32)


def encoder(n_features: int) -> Encoder:
    random = np.random.default_rng(0)
    weight = random.normal(size=(4, n_features)).astype(np.float32)
    zeros, losses = np.zeros(n_features, np.float32), np.array([2.0, 1.0])
    return Encoder(zeros, zeros + 1, weight, np.zeros(4, np.float32), losses, losses, "epochs")


def forge(folder: Path, name: str, content: bytes) -> None:
    """Replace a file of a model, with all digests as if it had always been so."""
    (folder / name).write_bytes(content)
    text = (folder / DESCRIPTION).read_text()
    told = json.loads(text)
    entry = told["files"][name]
    new = text.replace(entry["sha256"], hashlib.sha256(content).hexdigest())
    new = new.replace(f'"size": {entry["size"]}', f'"size": {len(content)}')
    seal(folder, new)


def seal(folder: Path, text: str) -> None:
    """Write a description with the digest that belongs to it."""
    blank = text.replace(json.loads(text)["digest"], NO_DIGEST)
    (folder / DESCRIPTION).write_text(blank.replace(NO_DIGEST, hashlib.sha256(blank.encode()).hexdigest()))


@pytest.mark.parametrize("classes", [("all", "healthy"), ("healthy", "sick"), ("L1", "L2", "M2")])
def test_a_model_says_the_same_when_it_has_been_written_and_read(tmp_path: Path, classes: tuple[str, ...]) -> None:
    system = small_system(classes)
    given = rows(*np.linspace(0, 1, 21))
    write_model(small_model(system), tmp_path / "model")
    read = read_model(tmp_path / "model")
    before, after = system.answers(given), read.system.answers(given)
    assert after.classes == before.classes == list(classes)
    assert list(after.predicted) == list(before.predicted)
    np.testing.assert_array_equal(after.scores, before.scores)
    assert read.card == small_model(system).card
    np.testing.assert_array_equal(read.trained_on, small_model(system).trained_on)
    assert read.system.parts == system.parts
    assert read.unlike is not None
    np.testing.assert_allclose(read.unlike.distances(given), small_unlike().distances(given), rtol=1e-3)  # float32
    said = decide(read, after)
    assert list(said.prediction) == list(after.predicted)
    assert ((said.probability >= 0) & (said.probability <= 1)).all()


@pytest.mark.parametrize(
    "spec",
    [
        MlpSpec(kind="mlp", hidden=[5, 3], epochs=EPOCHS),
        MlpSpec(kind="mlp", hidden=[5], epochs=EPOCHS, output="softmax"),
        SoftmaxSpec(kind="softmax", epochs=EPOCHS, batch_size=8, learning_rate=0.1),
    ],
)
def test_our_own_classifiers_and_reducers_are_kept_to_the_last_bit(tmp_path: Path, spec: Classifier) -> None:
    system, given = small_system(), rows(*np.linspace(0.2, 0.8, 20))
    reducer = encoder(given.shape[1])
    labels = np.repeat(["healthy", "all"], 10)
    fitted = spec.kept(Settings()).unfitted().fit(reducer.transform(given), labels)
    system = FittedSystem(system.parts, system.classes, "all", spec.scores, "torch", fitted, reducer=reducer)
    write_model(small_model(system), tmp_path / "model")
    read = read_model(tmp_path / "model").system
    np.testing.assert_array_equal(read.answers(given).scores, system.answers(given).scores)
    assert isinstance(read.reducer, Encoder)
    np.testing.assert_array_equal(read.reducer.loss, reducer.loss)
    assert read.reducer.stopped_by == "epochs"


def test_a_classifier_may_be_several_steps(tmp_path: Path) -> None:
    """As the kind that CONTRIBUTING.md adds."""
    system, given = small_system(), rows(*np.linspace(0.2, 0.8, 20))
    steps = make_pipeline(PCA(2), LinearDiscriminantAnalysis()).fit(given, np.repeat(["healthy", "all"], 10))
    system = FittedSystem(system.parts, system.classes, "all", "probability", "scikit-learn", steps)
    write_model(small_model(system), tmp_path / "model")
    read = read_model(tmp_path / "model").system
    np.testing.assert_array_equal(read.answers(given).scores, system.answers(given).scores)


def test_what_others_read_of_a_model_they_read_without_this_package(tmp_path: Path) -> None:
    folder = write_small_model(tmp_path / "model")
    pipeline = skops.io.load(folder / CLASSIFIER)
    given = rows(0.1, 0.9)
    assert list(pipeline.predict(given)) == list(small_system().answers(given).predicted) == ["all", "healthy"]
    card = ModelCard.load(folder / CARD_TEXT)
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value, result.dataset_name) == ("accuracy", 0.8, "Grey images")
    assert card.data.library_name == "leukorepro"
    text = (folder / CARD_TEXT).read_text()
    assert "not a medical device" in text
    assert "Simulated images" in text
    assert "was itself not measured" in text


@pytest.mark.parametrize("name", [DESCRIPTION, CLASSIFIER, CARD, CARD_TEXT])
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            lambda path: path.write_bytes(path.read_bytes().replace(b"a", b"b", 1)),
            "changed|JSON|version|given|required",
        ),
        (lambda path: path.write_bytes(path.read_bytes() + b" "), "changed|bytes"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.rename(path.with_suffix(".old")) and path.symlink_to(path.with_suffix(".old")), "a link"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "JSON|bytes"),
    ],
)
def test_a_file_that_is_not_as_it_was_is_refused_by_name(
    tmp_path: Path, name: str, fault: Callable[[Path], object], told: str
) -> None:
    path = write_small_model(tmp_path / "model") / name
    fault(path)
    with pytest.raises(UserError, match=told) as error:
        read_model(tmp_path / "model")
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", [CLASSIFIER, REDUCER, CARD])
def test_a_pickle_is_never_read_even_with_the_right_digests(tmp_path: Path, name: str) -> None:
    system = small_system()
    codes = encoder(3 * SIZE**2)
    fitted = small_system().classifier
    system = FittedSystem(system.parts, system.classes, "all", "log_odds", "", fitted, reducer=codes)
    write_model(small_model(system), tmp_path)

    class Harmful:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    for content in (pickle.dumps(Harmful()), skops.io.dumps(np.arange(3))):
        forge(tmp_path, name, content)
        with pytest.raises(UserError, match=f"{name}: "):
            read_model(tmp_path)
    assert not (tmp_path / "ran").exists()


class Stranger(Pipeline):
    """A type that no model holds."""


def test_a_type_that_is_not_known_is_refused_before_it_is_made(tmp_path: Path) -> None:
    folder = write_small_model(tmp_path / "model")
    forge(folder, CLASSIFIER, skops.io.dumps(Stranger([("classifier", small_system().classifier)])))
    with pytest.raises(UserError, match=r"classifier.skops: holds types .*Stranger"):
        read_model(folder)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"schema_version": 1', '"schema_version": 2', "schema version 2, and 1 is known here; install a newer"),
        ('"schema_version": 1', '"schema_version": "x"', "schema version 'x'"),
        ('"classifier.skops": {', '"../classifier.skops": {', "must be the name of a file in the model's folder"),
        (
            '"method": "platt",\n    "slope": 1.0,\n    "intercept": 0.0',
            '"method": "multinomial", "slopes": [[1.0]], "intercepts": [0.0]',
            "calibration: of 1 classes, and there are 2",
        ),
        ('"positive_class"', '"extra": 1,\n  "positive_class"', "extra"),
    ],
)
def test_a_description_of_another_kind_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    folder = write_small_model(tmp_path / "model")
    text = (folder / DESCRIPTION).read_text()
    assert old in text
    seal(folder, text.replace(old, new))
    with pytest.raises(UserError, match=told) as error:
        read_model(folder)
    assert str(folder / DESCRIPTION) in str(error.value)


OWN_WEIGHTS = {"id": "own", "backbone": "googlenet", "layer": "gap", "weights": "file:/etc/passwd", "input_size": 64}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"stored": "../../secret.safetensors"}, "secret.safetensors: not among the model's files"),
        ({"part": OWN_WEIGHTS}, "own weights lie in the model's folder, not at 'file:/etc/passwd'"),
        ({"part": OWN_WEIGHTS, "stored": "passwd"}, "own weights lie in the model's folder, not at 'file:/etc/passwd'"),
    ],
)
def test_no_file_outside_its_folder_is_a_models(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    folder = write_small_model(tmp_path / "model")
    text = (folder / DESCRIPTION).read_text()
    value = json.loads(text)
    value["sources"][0] |= changed
    seal(folder, json.dumps(value))
    with pytest.raises(UserError, match=told):
        read_model(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (REDUCER, lambda arrays: arrays | {"weight": arrays["weight"].T.copy()}),
        (REDUCER, lambda arrays: arrays | {"x_min": arrays["x_min"][:-1]}),
        (REDUCER, lambda arrays: {key: value for key, value in arrays.items() if key != "bias"}),
        (UNLIKE, lambda arrays: arrays | {"mean": arrays["mean"][:1]}),
        (UNLIKE, lambda arrays: arrays | {"held_out": arrays["held_out"][:0]}),
        (UNLIKE, lambda arrays: arrays | {"more": arrays["mean"]}),
    ],
)
def test_arrays_that_do_not_go_together_are_refused_even_with_the_right_digests(
    tmp_path: Path, name: str, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
) -> None:
    system = small_system()
    codes = encoder(3 * SIZE**2)
    system = FittedSystem(system.parts, system.classes, "all", "log_odds", "", system.classifier, reducer=codes)
    write_model(small_model(system), tmp_path)
    forge(tmp_path, name, save(change(load((tmp_path / name).read_bytes()))))
    with pytest.raises(UserError, match=f"{name}: holds other weights than model.json describes"):
        read_model(tmp_path)


def test_a_classifier_of_other_classes_is_refused(tmp_path: Path) -> None:
    folder = write_small_model(tmp_path / "model")
    other = write_small_model(tmp_path / "other", ("dark", "white"))
    forge(folder, CLASSIFIER, (other / CLASSIFIER).read_bytes())
    with pytest.raises(UserError, match=r"classifier.skops: tells other classes apart than model.json names"):
        read_model(folder)


def test_a_folder_is_written_whole_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    folder = write_small_model(tmp_path / "model")
    with pytest.raises(UserError, match="--force"):
        write_small_model(folder)
    other = small_model(small_system(("bright", "dark")))
    write_model(other, folder, force=True)
    assert read_model(folder).system.classes == ["bright", "dark"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UserError, match="other things than a model"):
        write_model(other, tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize(
    "arrays", [{"other": np.zeros(3, np.uint64)}, {"digests": np.zeros(3)}, {"digests": np.zeros((2, 2), np.uint64)}]
)
def test_digests_of_images_that_are_none_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    folder = write_small_model(tmp_path / "model")
    forge(folder, TRAINED_ON, save(arrays))
    with pytest.raises(UserError, match=f"{TRAINED_ON}: holds no digests of images"):
        read_model(folder)


def test_a_model_that_was_written_before_images_were_kept_is_read(tmp_path: Path) -> None:
    write_model(replace(small_model(), trained_on=None), tmp_path / "model")
    assert not (tmp_path / "model" / TRAINED_ON).exists()
    assert TRAINED_ON not in (tmp_path / "model" / CARD_TEXT).read_text()
    assert read_model(tmp_path / "model").trained_on is None
