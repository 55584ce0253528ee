"""`archlang show` of the paths of a trained model: what it prints, draws and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from archlang.artefact import save
from archlang.compiler import compile, fuse
from archlang.elaborate import load
from tests.cli.conftest import ROOT, Call


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A model with two paths, and its fused form."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models")
    model = compile(load(ROOT / "examples" / "04_paths.arch"), seed=1)
    save(model, folder / "paths.safetensors")
    save(fuse(model.eval()), folder / "fused.safetensors")
    return str(folder / "paths.safetensors"), str(folder / "fused.safetensors")


@pytest.mark.parametrize("form", [0, 1])
def test_routes(call: Call, models: tuple[str, str], tmp_path: Path, form: int) -> None:
    drawn = tmp_path / "r.svg"
    words = ("show", "routes", models[form], "--data", "digits", "--samples", "0,7", "--device", "cpu")
    together = tmp_path / "all.pdf"
    assert call(*words, "-o", str(together)).status == 0 and together.read_bytes().startswith(b"%PDF")
    together.unlink()
    text = call(*words, "--network", "-o", str(drawn))
    assert text.status == 0 and "maps.route" in text.out and text.out.count("path 1") == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r-2.svg", "r.svg"] and "<svg" in drawn.read_text()
    shown = json.loads(call(*words, "--format", "json").out)
    assert shown["format_version"] == 1 and [one["name"] for one in shown["inputs"]] == ["digits 0", "digits 7"]
    for row in shown["inputs"][0]["routers"][0]["gates"]:
        assert sum(row) == pytest.approx(1, abs=1e-6)
    mean = json.loads(call(*words, "--mean", "--format", "json").out)["inputs"]
    gates = [one["routers"][0]["gates"][0][0] for one in shown["inputs"]]
    assert len(mean) == 1 and mean[0]["routers"][0]["gates"][0][0] == pytest.approx(sum(gates) / 2)
    dot = call(*words, "-o", str(tmp_path / "r.dot"))
    assert dot.status == 0 and "penwidth" in (tmp_path / "r.dot").read_text()


def test_gates_and_classes(call: Call, models: tuple[str, str], tmp_path: Path) -> None:
    sheet = tmp_path / "g.svg"
    one = ("show", "gates", models[0], "--data", "digits", "--gate", "maps.route.0.1", "--top", "3")
    found = call(*one, "-o", str(sheet))
    assert found.status == 0 and "strongest: " in found.out and sheet.read_text().count("<image") == 6
    every = json.loads(call("show", "gates", models[1], "--data", "digits", "--format", "json").out)
    assert [one["name"] for one in every["gates"]] == [f"maps.route.{i}.{j}" for i in (0, 1) for j in (0, 1)]
    assert all(sum(one["counts"]) == one["samples"] for one in every["gates"])
    drawn = tmp_path / "c.svg"
    words = ("show", "classes", models[0], "--data", "digits", "--class", "3", "--class", "8")
    classes = call(*words, "-o", str(drawn))
    assert classes.status == 0 and drawn.read_text().count('fill-opacity="0.45"') == 8
    shown = json.loads(call(*words, "--gate", "maps.route.1.0", "--format", "json").out)["gates"]
    assert [one["name"] for one in shown[0]["classes"]] == ["3", "8"] and len(shown) == 1
    # An option that is given twice must not be silently the last.
    two = ("--gate", "maps.route.0.1", "--gate", "maps.route.1.0")
    shown = json.loads(call(*words, *two, "--format", "json").out)["gates"]
    assert [one["gate"] for one in shown] == ["maps.route.0.1", "maps.route.1.0"]


def test_maximise_and_weights(call: Call, models: tuple[str, str], tmp_path: Path) -> None:
    words = ("show", "maximise", models[0], "--output", "3", "--gate", "maps.route.0.0", "--steps", "5")
    made = call(*words, "-o", str(tmp_path / "m.svg"))
    assert made.status == 0 and (tmp_path / "m.svg").read_text().count("<image") == 2 and "2 of 2" in made.err
    image = tmp_path / "f.png"
    one = call("show", "maximise", models[0], "--filter", "maps.each.0.conv.1", "--steps", "5", "-o", str(image))
    assert one.status == 0 and image.read_bytes().startswith(b"\x89PNG")
    weights = json.loads(call("show", "weights", models[1], "--format", "json").out)["layers"]
    assert [layer["name"] for layer in weights] == ["maps.each.*.conv", "logits.each.*.conv"]
    assert call("show", "weights", models[0], "-o", "-").out.count('fill-opacity="0.18"') == 4


@pytest.mark.parametrize(("words", "status", "said"), [
    (("routes",), 2, "give images"),
    (("routes", "nix.png"), 1, "nix.png"),
    (("routes", "--data", "digits", "--samples", "0,x"), 2, "numbers with commas"),
    (("routes", "--data", "digits", "--samples", "400"), 2, "there is no 400"),
    (("routes", "--data", "digits", "-o", "r.gif"), 2, "gif"),
    (("gates", "--data", "digits", "--gate", "maps.route.0.7"), 1, "maps.route.0.1"),
    (("gates", "--data", "digits", "-o", "g.gif"), 2, "as .svg"),
    (("gates", "--data", "digits", "--synthesised"), 2, "--gate"),
    (("classes", "--data", "digits", "--class", "ten"), 1, "there is no class"),
    (("classes", "--data", "digit"), 1, "digits"),
    (("maximise",), 2, "say what"),
    (("maximise", "--output", "10"), 1, "there is no output"),
    (("maximise", "--filter", "maps.each.0.conv.5-2"), 2, "names no filters"),
    (("positions", "--branches"), 2, "one branch each"),
    (("positions", "--course"), 2, "several models"),
    (("positions", "--layer", "maps.each.0.cov"), 1, "did you mean"),
    (("positions", "--branches", "--prune", "digits"), 2, "give one of them"),
    (("gradcam",), 2, "give images"),
    (("gradcam", "--data", "digits", "--class", "10"), 1, "from 0 to 9"),
    (("gradcam", "--data", "digits", "--stage", "logit"), 1, "did you mean `logits`"),
    (("gradcam", "--data", "digits", "--stage", "logits"), 1, "no maps"),
    (("tsne", "--data", "digits"), 2, "--stage"),
    (("tsne", "--data", "digits", "--stage", "map"), 1, "did you mean `maps`"),
    (("specialisation", "--data", "digits"), 1, "hands patches to experts"),
    (("maximise", "--filter", "maps.each.0.conv.16"), 1, "16 filters"),
    (("weights", "-o", "w.dot"), 2, "as .svg"),
])
def test_what_is_refused(
    call: Call, models: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...], status: int, said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = call("show", words[0], models[0], *words[1:])
    assert (found.status, said in found.err) == (status, True), found.err
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_gates_is_told_which_have_some(call: Call, tmp_path: Path) -> None:
    save(compile(load(ROOT / "examples" / "01_sequential.arch")), tmp_path / "plain.safetensors")
    for words in (("routes", "--data", "digits"), ("gates", "--data", "digits"), ("classes", "--data", "digits")):
        found = call("show", words[0], str(tmp_path / "plain.safetensors"), *words[1:])
        assert found.status == 1 and "has gates" in found.err and "multipath" in found.err


def test_sparse_paths_are_shown_too(call: Call, tmp_path: Path) -> None:
    file = str(tmp_path / "sparse.safetensors")
    save(compile(load(ROOT / "specs" / "multipath" / "sparse_digits.arch"), seed=1), file)
    shown = call("show", "routes", file, "--data", "digits", "--samples", "0,3", "--network", "-o",
                 str(tmp_path / "r.svg"))
    assert shown.status == 0 and shown.out.count("maps.experts.router") == 2 and (tmp_path / "r-2.svg").exists()
    gates = json.loads(call("show", "gates", file, "--data", "digits", "--format", "json").out)["gates"]
    assert sum(gate["mean"] for gate in gates) == pytest.approx(1) and len(gates) == 4
    one = call("show", "gates", file, "--data", "digits", "--gate", "maps.experts.router.0.1", "--top", "2",
               "-o", str(tmp_path / "g.svg"))
    assert one.status == 0 and (tmp_path / "g.svg").read_text().count("<image") == 4
    classes = json.loads(call("show", "classes", file, "--data", "digits", "--format", "json").out)["gates"]
    assert [len(gate["classes"]) for gate in classes] == [10] * 4


def test_gates_of_two_models_stand_beside_each_other(call: Call, models: tuple[str, str], tmp_path: Path) -> None:
    drawn = tmp_path / "g.svg"
    words = ("show", "gates", models[0], models[1], "--data", "digits", "--gate", "maps.route.0.1")
    done = call(*words, "-o", str(drawn))
    assert done.status == 0 and done.out.count("maps.route.0.1") == 2
    text = drawn.read_text()
    assert text.count('fill-opacity="0.18"') == 2 and ">paths.safetensors<" in text and ">fused.safetensors<" in text
    # A model and its fused form answer alike.
    first, second = json.loads(call(*words, "--format", "json").out)["models"]
    assert first["gates"][0]["mean"] == pytest.approx(second["gates"][0]["mean"], abs=1e-5)
    assert call(*words, "--synthesised", "-o", str(drawn)).status == 2


def test_positions_gradcam_and_tsne(call: Call, models: tuple[str, str], tmp_path: Path) -> None:
    maps = json.loads(call("show", "positions", *models, "--format", "json", "-o", str(tmp_path / "p.pdf")).out)
    before, after = (model["layers"] for model in maps["models"])
    assert [layer["name"] for layer in before] == [layer["name"] for layer in after] and len(before) == 4
    assert before[0]["map"][0] == pytest.approx(after[0]["map"][0], abs=1e-5)
    words = ("show", "gradcam", models[0], "--beside", models[1], "--data", "digits", "--samples", "0,3", "--class",
             "4")
    seen = call(*words, "-o", str(tmp_path / "g.svg"))
    assert seen.status == 0 and (tmp_path / "g.svg").read_text().count("<image") == 2 * 3
    assert seen.out.count("true ") == 4 and "map of 4" in (tmp_path / "g.svg").read_text()
    words = ("show", "tsne", models[0], "--data", "digits", "--stage", "maps", "--count", "40", "-o",
             str(tmp_path / "t.svg"), "--format", "json")
    shown = json.loads(call(*words).out)
    count = len(shown["labels"])
    assert 30 <= count <= 40 and len(shown["stages"][0]["places"]) == count
    assert (tmp_path / "t.svg").read_text().count("<ellipse") == count


def test_curves_of_runs(call: Call, tmp_path: Path) -> None:
    for name, loss in (("a", "2.0"), ("b", "3.0")):
        (tmp_path / name).mkdir()
        rows = f"epoch,phase,train_loss,test_accuracy\n1,all,{loss},0.5\n2,all,1,0.75\n"
        (tmp_path / name / "log.csv").write_text(rows)
    words = ("show", "curves", str(tmp_path / "a"), str(tmp_path / "b"))
    done = call(*words, "-o", str(tmp_path / "c.svg"))
    text = (tmp_path / "c.svg").read_text()
    assert done.status == 0 and "first 3.0000, last 1.0000" in done.out
    assert all(f">{word}<" in text for word in ("train loss", "test accuracy", "epoch", "a", "b", "70 %"))
    assert call(*words, "--figure", "train_los").status == 1
    assert call("show", "curves", str(tmp_path)).status == 1


def test_specialisation(call: Call, tmp_path: Path) -> None:
    file = str(tmp_path / "pce.safetensors")
    save(compile(load(ROOT / "specs" / "pce" / "pce_tiny.arch"), seed=1), file)
    words = ("show", "specialisation", file, "--data", "digits", "-o", str(tmp_path / "s.svg"))
    found = call(*words, "--format", "json")
    assert found.status == 0, found.err
    sites = json.loads(found.out)["sites"]
    assert [len(site["by_place"]) for site in sites] == [4, 4] and len(sites[1]["by_place"][0]) == 4
    total = [sum(site["by_place"][e][r][c] for e in range(4)) for site in sites
             for r in range(len(site["by_place"][0])) for c in range(len(site["by_place"][0]))]
    assert total == pytest.approx([1.0] * (4 + 16)) and sites[0]["cosines"][2][2] == pytest.approx(1)
    assert "cosines of keys" in (tmp_path / "s.svg").read_text()
