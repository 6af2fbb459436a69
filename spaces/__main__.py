"""`python -m spaces`: put the Space together as publishing does, and serve it on the model just trained."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from records.errors import UserError, run_command
from records.gallery_choice import chosen_gallery
from records.recipe import build_folder, command_parser, load_recipe
from records.release_data import write_release
from spaces.assembly import add_gallery, assemble

SPACE = "function_calling"
HOST = "127.0.0.1"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def main(argv: Sequence[str]) -> int:
    """Assemble the Space and become its process, so that Ctrl-C and signals reach it. Returns only after --dry-run."""
    parser = command_parser("spaces", "Open the function-calling Space on the model just trained.")
    parser.add_argument("--port", type=int, default=7860, help="port on 127.0.0.1 (default: 7860)")
    parser.add_argument("--model", type=Path, help="model folder (default: the recipe's fine-tuned model)")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    trained = build_folder(recipe) / "models" / f"hephaestus-{recipe.training.base.size}-ift"
    model = (options.model or trained).resolve()
    space = build_folder(recipe) / "work" / "space"
    if options.dry_run:
        print(f"spaces: put {space} together · serve {model} on http://{HOST}:{options.port} · under 1 MB, seconds")
        return 0
    require_model(model, f"make train RECIPE={options.recipe}")
    require_port(options.port)
    if options.model is None:
        choose_examples(options.recipe, model)
    assemble(SPACE, space)
    write_release(build_folder(recipe), space)
    print(f"space: {add_gallery(build_folder(recipe), model, space)}")
    serve(space, model, options.port)
    return 0


def choose_examples(recipe: str, model: Path) -> None:
    """Have the gallery's candidates asked, once for these weights; without a corpus to take tools from, do without."""
    if chosen_gallery(build_folder(load_recipe(recipe)), model):
        return
    from spaces import gallery

    print("choosing examples that this model gets right, once (a minute for 135M parameters)", flush=True)
    try:
        gallery.main(["--recipe", recipe])
    except UserError as error:
        print(f"no examples were chosen: {error}")


def require_model(model: Path, made_by: str) -> None:
    """Raise UserError when the folder holds no transformers model; `made_by` is the command that makes it."""
    missing = "config.json" if not (model / "config.json").is_file() else None
    if not missing and not any((model / name).is_file() for name in WEIGHTS):
        missing = WEIGHTS[0]
    if missing:
        raise UserError(f"there is no model at {model} ({missing} is missing); run `{made_by}`, or name one by --model")


def require_port(port: int) -> None:
    """Raise UserError when nothing can listen on the port: it is in use, reserved, or no port at all."""
    if not 0 < port < 65536:
        raise UserError(f"port {port} does not exist; choose one from 1024 to 65535 by --port")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that just ended does not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "in use" if error.errno == errno.EADDRINUSE else "reserved for the administrator"
            raise UserError(f"port {port} on {HOST} is {why}; choose another by --port, or stop what uses it") from None


def serve(space: Path, model: Path, port: int) -> None:
    """Replace this process by the Space's own, with nothing of the checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SPACE_ID")}
    environment |= {"MODEL_ID": str(model), "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    base = model.parent / "base"
    if (base / "config.json").is_file():
        environment.setdefault("BASE_MODEL_ID", str(base))
    environment |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    print(f"the Space lies in {space}; loading {model}", flush=True)
    os.chdir(space)
    os.execve(sys.executable, [sys.executable, "app.py"], environment)


if __name__ == "__main__":
    sys.exit(run_command(main))
