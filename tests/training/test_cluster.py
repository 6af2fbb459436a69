"""Plans and launch scripts of cluster recipes, against hand counts and published sizes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from records.errors import UserError
from records.recipe import ROOT, load_recipe
from tests.training.places import command, make_place
from training.cluster_plan import flops_per_token, memory, parameters
from training.launch import write_launch
from training.shape import shape_of
from training.stages import stages


@pytest.mark.parametrize(("recipe", "count"), [("forge", 8_030_261_248), ("forge-mistral", 7_248_023_552)])
def test_parameters_are_those_of_the_published_models(recipe: str, count: int) -> None:
    assert parameters(shape_of(load_recipe(recipe))) == count


def test_parameters_are_those_of_transformers() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    from records.recipe_training import ShapeRecipe

    config = LlamaConfig(
        vocab_size=64, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=6,
        num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    shape = ShapeRecipe(3, 48, 96, 6, 2, 64, 128, True)
    assert parameters(shape) == sum(weight.numel() for weight in LlamaForCausalLM(config).parameters())


def test_memory_of_a_gpu_by_hand() -> None:
    recipe = load_recipe("forge")
    stage, shape = stages(recipe)[0], shape_of(recipe)
    need = memory(shape, stage, "bfloat16")
    share = 8_030_261_248 / 16
    assert need.weights == 2 * share and need.gradients == 6 * share and need.optimizer == 12 * share / 8
    layers = 16 * 2 * 4096 * 4096 * (10 + 24 / 8)  # 16 layers of two micro batches of 4,096 tokens
    assert need.activations == pytest.approx(layers + 4096 * 128256 / 8 * 6)
    assert flops_per_token(shape, 4096) == 6 * 8_030_261_248 + 12 * 32 * 4096 * 4096


def test_dry_run_says_rate_memory_and_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    done = command("--recipe", "forge", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "128 GPUs, dp 8 · tp 8 · pp 2:" in done.stdout and "32 GPUs, dp 4 · tp 4 · pp 2:" in done.stdout
    assert "fits in 40" in done.stdout and "DOES NOT FIT" not in done.stdout
    assert "stages I and II in 11.1 days need 107,399 tokens/s" in done.stdout  # 103e9 / (11.1 · 86,400)


@pytest.mark.parametrize("kind", ["slurm", "torchrun"])
def test_a_launch_script_names_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    done = command("--recipe", "forge-mistral", "--launch", kind)
    assert done.returncode == 0, done.stderr
    script = tmp_path / "forge-mistral" / f"launch_{kind}.sh"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    for stage in stages(load_recipe("forge-mistral")):
        assert f"--stage {stage.key}\n" in text
    assert "--nnodes=16" in text and "--nproc-per-node=8" in text
    assert ("#SBATCH --nodes=16" in text) == (kind == "slurm")


def test_a_topology_that_leaves_a_node_half_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    place = make_place(tmp_path, {"parallel": {"dp": 3, "pp": 2}, "cluster": {"gpus_per_node": 4}})
    with pytest.raises(UserError, match="= 6 GPUs, which does not divide into nodes of 4"):
        write_launch(place.recipe, "x", "slurm")


def test_seeds_and_the_broad_variant_are_stages_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path))
    place = make_place(tmp_path, {"seeds": [7, 8], "unstaged": True})
    found = {stage.key: stage for stage in stages(place.recipe)}
    assert list(found) == ["stage1", "stage2", "ift", "control", "ift-seed8", "control-seed8", "broad", "broad-ift"]
    assert [found[key].seed for key in ("stage1", "ift", "control-seed8", "broad")] == [1, 7, 8, 1]
    assert found["broad"].recipe.tokens == found["stage1"].recipe.tokens + found["stage2"].recipe.tokens
    assert found["broad-ift"].parent == "hephaestus-0.1m-broad"


def test_gpu_check_says_so_without_a_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU, so the check would run")
    done = command(module="training.gpu_check")
    assert done.returncode == 2
    assert "there is no GPU that torch sees here, so nothing was checked" in done.stderr


def test_bench_measures_the_same_work(tmp_path: Path) -> None:
    from tests.training.places import read

    output = tmp_path / "bench.json"
    done = command("--shape", "tiny", "--steps", "2", "--output", str(output), module="training.bench")
    assert done.returncode == 0, done.stderr
    record = read(output)
    for run in record["runs"].values():
        assert run["losses"]["adapter"] == pytest.approx(run["losses"]["plain"], abs=1e-4)
        assert len(run["seconds"]["adapter"]) == len(run["seconds"]["plain"]) == 2
    assert record["ratios"]["ratio_to_plain"] == record["runs"]["whole"]["ratio"]


def test_gpu_check_is_rehearsed_on_a_cpu(tmp_path: Path) -> None:
    output = tmp_path / "gpu_check.json"
    done = command("--rehearse", "--output", str(output), module="training.gpu_check")
    assert done.returncode == 0, done.stderr
    assert "losses agree within" in done.stdout
    from tests.training.places import read

    record = read(output)
    assert record["shape"] == "tiny" and max(record["largest_loss_difference"].values()) < 1e-4
    line = ["make", "-n", "gpu-run", "REHEARSE=1", "RECIPE=smoke"]
    shown = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    parts = ["training.gpu_check --rehearse", "corpus --recipe smoke", "training --recipe", "eval", "records.keep"]
    places = [shown.index(f"-m {part}") for part in parts]
    assert places == sorted(places)
    plain = subprocess.run(["make", "-n", "gpu-run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m training --recipe gpu\n" in plain and "--step-of-all" not in plain


def test_records_of_a_run_are_kept_without_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from records.files import write_json
    from records.keep import main

    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {})
    write_json(place.paths.build / "eval" / "base" / "results.json", {"record": {}})
    samples = place.paths.build / "eval" / "base" / "samples" / "bfcl_parallel.jsonl"
    samples.parent.mkdir()
    samples.write_text('{"id": "parallel_0", "prompt": "theirs", "answer": "ours ü", "right": true}\n')
    kept = tmp_path / "kept"
    assert main(["--recipe", str(place.file), "--to", str(kept), "--more", str(place.file)]) == 0
    assert (kept / "manifest.json").read_bytes() == place.paths.manifest.read_bytes()
    line = (kept / "eval" / "base" / "samples" / "bfcl_parallel.jsonl").read_text()
    assert line == '{"id": "parallel_0", "answer": "ours ü", "right": true}\n'
    assert (kept / "models" / "base" / "record.json").is_file() and (kept / "tiny.yaml").is_file()
    assert not list(kept.rglob("*.safetensors"))
    with pytest.raises(UserError, match="exists; remove it, or name another with --to"):
        main(["--recipe", str(place.file), "--to", str(kept)])


def test_report_joins_stages_and_spreads_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from records.files import write_json
    from training.report import write_report

    monkeypatch.setenv("BUILD", str(tmp_path))
    place = make_place(tmp_path, {"seeds": [7, 8], "unstaged": True, "track": {"points": 2, "sequence_length": 64}})
    general = {"stage1": (2.0, 2.4, 2.3), "stage2": (2.3, 2.5, 2.2), "broad": (2.0, 1.9, 2.1)}
    for stage in stages(place.recipe):
        points = [
            [at, 3.0, loss] for at, loss in zip((0, 5, 10), general.get(stage.kind, (2.2, 2.2, 2.2)), strict=True)
        ]
        record = {
            "tokens": 10,
            "loss": {"heldout": 1.0 if stage.seed == 7 else 2.0},
            "tracked": {"domains": ["agent", "general"], "points": points},
        }
        write_json(place.paths.model(stage.name) / "record.json", record)
    folder = write_report(place.recipe)
    assert folder is not None and (folder / "stability_gap.png").stat().st_size > 5000
    text = (folder / "report.md").read_text()
    assert "| stages I, II, III | general | +0.500 | +0.200 | +0.500 |" in text
    assert "| one broad stage, III | general | +0.200 | +0.200 | +0.300 |" in text
    assert "- ift, seeds 7, 8: held-out loss 1.5000 ± 0.7071" in text
