"""What is needed to bring about any message of the package."""

from __future__ import annotations

import dataclasses
import http.server
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
from safetensors.torch import load_file, save_file
from writers import HEADER, read_alleles, write_vcf

from varscore import ScoreOptions, score_vcf
from varscore.cli import app
from varscore.inputs.check import check_vcf
from varscore.inputs.genome import ReferenceGenome
from varscore.models.fetch import fetch_model
from varscore.models.formats.hub import read_hub
from varscore.models.formats.keras import read_keras
from varscore.models.formats.keras_params import read_params
from varscore.models.formats.native import read_native
from varscore.models.model import Model
from varscore.results.summary import ScoreSummary
from varscore.shards.plan import plan_shards
from varscore.shards.score import score_shard
from varscore.variant import Allele

DATA = Path(__file__).parent / "data"
KERAS, HUB = DATA / "weights_keras", DATA / "weights_hub"
CONTIGS = {"chr1": "ACGT" * 225, "2": "TTGCA" * 180, "chrM": "ACGTT" * 100}
SNV = ("chr1", 5, "A", "C")


@dataclasses.dataclass
class Scene:
    """What a row works with, in an empty folder that is the current one.

    Attributes
    ----------
    genome : Path
        The FASTA file of `CONTIGS`.
    weights : Path
        Those of `model`, which is tiny and random, with two tracks.
    model : Model
    patch : pytest.MonkeyPatch
        Undone after the row.
    """

    genome: Path
    weights: Path
    model: Model
    patch: Any

    def write(self, name: str, content: str | bytes = "") -> Path:
        """Write a file into the folder."""
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return Path(name)

    def read(self, content: str | bytes, name: str = "x.vcf") -> list[Allele]:
        """Read alleles of a file with this content."""
        return list(read_alleles(self.write(name, content)))

    def vcf(self, *rows: tuple[object, ...], header: str = HEADER) -> Path:
        """Write a VCF."""
        return write_vcf(Path("in.vcf"), rows or [SNV], header)

    def fasta(self, content: str | bytes) -> ReferenceGenome:
        """Open a FASTA file with this content."""
        return ReferenceGenome(self.write("g.fa", content))

    def cli(self, *words: object) -> None:
        """Run a command."""
        app([str(word) for word in words], standalone_mode=False)

    def score(self, *rows: tuple[object, ...], **options: Any) -> ScoreSummary:
        """Score records."""
        return score_vcf(
            self.vcf(*rows), self.genome, "o.parquet", model=self.model, force=True, **options
        )

    def judge(self, *rows: tuple[object, ...], header: str = HEADER, **options: Any) -> None:
        """Check records."""
        check_vcf(
            self.vcf(*rows, header=header), self.genome, ScoreOptions(**options)
        ).raise_if_unscorable()

    def scored(self) -> None:
        """Plan three records into two shards, in `plan`, and score them into `scores`."""
        self.plan_and_score(SNV, ("chr1", 9, "A", "G"), ("2", 5, "A", "C"))

    def plan_and_score(self, *rows: tuple[object, ...]) -> None:
        """Plan records into two shards, in `plan`, and score them into `scores`."""
        plan_shards(self.vcf(*rows), self.genome, "plan", shards=2)
        Path("scores").mkdir()
        for name in ("0001.parquet", "0002.parquet"):
            self.score_shard(name)

    def score_shard(self, name: str, **options: Any) -> None:
        """Score a shard of the plan again."""
        score_shard(
            Path("plan", name), self.genome, Path("scores", name), model=self.model,
            force=True, options=ScoreOptions(**options),
        )  # fmt: skip

    def params(self, change: Callable[[dict[str, Any]], object], head: Any = None) -> None:
        """Read an architecture file after a change to it."""
        content = json.loads((KERAS / "params.json").read_text())
        change(content["model"])
        read_params(self.write("p.json", json.dumps(content)), head=head)

    def layer(self, number: int, **changes: Any) -> None:
        """Read an architecture file after a change to a layer of its trunk."""
        self.params(lambda model: model["trunk"][number].update(changes))

    def keras(self, change: Callable[[h5py.File], object]) -> None:
        """Read Keras weights after a change to them."""
        shutil.copytree(KERAS, "keras")
        with h5py.File("keras/model.h5", "r+") as file:
            change(file)
        read_keras("keras/model.h5")

    def hub(self, **changes: Any) -> None:
        """Read a hub model after a change to its configuration."""
        shutil.copytree(HUB, "hub")
        fields = json.loads(Path("hub/config.json").read_text()) | changes
        fields = {name: value for name, value in fields.items() if value != "absent"}
        Path("hub/config.json").write_text(json.dumps(fields))
        read_hub("hub")

    def native(self, change: Callable[[Any, dict[str, str]], object]) -> None:
        """Read varscore's own weights after a change to tensors or metadata."""
        tensors = load_file(self.weights)
        metadata = self.native_metadata()
        change(tensors, metadata)
        save_file(tensors, "own.safetensors", metadata)
        read_native("own.safetensors").network()

    def native_metadata(self) -> dict[str, str]:
        """Return the metadata of varscore's own weights."""
        with open(self.weights, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return dict(json.loads(file.read(size))["__metadata__"])

    def fetch(self, status: int = 404, **options: Any) -> None:
        """Fetch the original weights, or what options say, from a server with one answer."""

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            address = f"http://127.0.0.1:{server.server_port}"
            urls = dict.fromkeys(("weights_url", "params_url", "tracks_url"), f"{address}/x")
            try:
                fetch_model(form="keras", folder=Path("fetched"), **(urls | options))
            finally:
                server.shutdown()
                thread.join()

    def hub_says(self, error: Exception) -> None:
        """Fetch from a hub whose client raises an error."""

        def fail(*_: object, **__: object) -> None:
            raise error

        self.patch.setattr("huggingface_hub.HfApi.model_info", fail)
        fetch_model(folder=Path("fetched"))
