"""Damaged files of every kind that bitpan reads, by the thousand: each ends in a typed error, or is read.

    python tests/support/fuzz.py --inputs 20000

Input n of a kind follows from the seed, the kind and n alone. Each worker has limited memory; one that dies, hangs or
raises anything else than bitpan's own errors is a fault, told with what makes it again: ``--only KIND --first N``.
"""

import argparse
import importlib
import importlib.util
import io
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

MEMORY = 3 << 30
"""Bytes that a worker may map beyond what it has at its start."""

PATIENCE = 60
"""Seconds an input may take."""

EXTREMES = (0, 1, -1, 127, 255, 1 << 15, (1 << 31) - 1, -(1 << 31), 1 << 32, 1 << 62, -(1 << 63))
WORDS = (*EXTREMES, 0.5, 1e308, float("nan"), float("inf"), "", "pan", "../../x", [], {}, None, True, [[]], "x" * 1000)


# --- Damage ---


def damage_bytes(rng, whole):
    """Some bytes flipped, overwritten, cut, moved or doubled."""
    whole = bytearray(whole)
    for _ in range(rng.integers(1, 5)):
        place, length = int(rng.integers(len(whole) or 1)), int(rng.integers(1, 33))
        match rng.integers(7):
            case 0 | 1:
                for _ in range(rng.integers(1, 9)):
                    if whole:
                        whole[rng.integers(len(whole))] ^= 1 << rng.integers(8)
            case 2:
                size = int(rng.choice([1, 2, 4, 8]))
                value = int(rng.choice(np.array(EXTREMES, object))) % (1 << 8 * size)
                whole[place : place + size] = value.to_bytes(size, str(rng.choice(["little", "big"])))
            case 3:
                del whole[place:]
            case 4:
                del whole[place : place + length]
            case 5:
                whole[place:place] = whole[place : place + length]
            case 6:
                other = int(rng.integers(len(whole) or 1))
                whole[place : place + length] = whole[other : other + length]
    return bytes(whole)


def damage_document(rng, document):
    """A JSON document with some values replaced, left out or put elsewhere."""
    document = json.loads(json.dumps(document))
    places = []

    def walk(value):
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in entries:
            places.append((value, key))
            walk(inner)

    walk(document)
    for _ in range(rng.integers(1, 4)):
        holder, key = places[rng.integers(len(places))]
        other, its = places[rng.integers(len(places))]
        try:
            match rng.integers(4):
                case 0 | 1:
                    holder[key] = json.loads(json.dumps(WORDS[rng.integers(len(WORDS))]))
                case 2:
                    del holder[key]
                case 3:
                    holder[key] = json.loads(json.dumps(other[its]))
        except (LookupError, TypeError):  # what is there was left out or replaced before
            pass
    return document


def damage_archive(rng, whole):
    """One member damaged and the checksums right, or the archive as it lies."""
    if rng.random() < 0.3:
        return damage_bytes(rng, whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    hit = list(content)[rng.integers(len(content))]
    short = sorted(content, key=lambda name: len(content[name]))
    hit = next((name for name in short if name.endswith("data.pkl")), hit) if rng.random() < 0.5 else hit
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.2 else zipfile.ZIP_STORED) as archive:
        for name, part in content.items():
            archive.writestr(name, damage_bytes(rng, part[:2000]) + part[2000:] if name == hit else part)
    return made.getvalue()


# --- Kinds: what makes whole files in a folder, and what damages and reads them ---


class Kind:
    """``whole`` files lie in ``folder``; ``read`` takes the generator and reads what it damaged."""

    def __init__(self, folder):
        self.folder = folder
        self.whole = {}
        self.make()
        for path in folder.rglob("*"):
            if path.is_file():
                self.whole[path.relative_to(folder).as_posix()] = path.read_bytes()

    def damaged(self, rng, *names, how=damage_bytes):
        """The path of one of the files, damaged; the others are whole."""
        for name, content in self.whole.items():
            (self.folder / name).write_bytes(content)
        name = names[rng.integers(len(names))]
        (self.folder / name).write_bytes(how(rng, self.whole[name]))
        return self.folder / name


class Tiff(Kind):
    NAMES = ("plain.tif", "deflate.tif", "tiled.tif", "float.tif", "masked.tif")

    def make(self):
        import rasterio

        values = np.random.default_rng(0).integers(1, 2048, (2, 24, 32)).astype(np.uint16)
        options = {"deflate": {"compress": "deflate"}, "tiled": {"tiled": True, "blockxsize": 16, "blockysize": 16}}
        for name in self.NAMES:
            kind, own = name.split(".")[0], values
            if kind == "float":
                own = values.astype(np.float32)
            profile = {"count": 2, "height": 24, "width": 32, "dtype": own.dtype, **options.get(kind, {})}
            place = rasterio.transform.from_origin(6e5, 4.7e6, 4.0, 4.0)
            with (
                rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
                rasterio.open(
                    self.folder / name, "w", driver="GTiff", transform=place, crs="EPSG:32630", **profile
                ) as file,
            ):
                file.write(own)
                if kind == "masked":
                    file.write_mask(values[0] > 100)
        pan = np.random.default_rng(1).integers(1, 2048, (1, 96, 128)).astype(np.uint16)
        place = rasterio.transform.from_origin(6e5, 4.7e6, 1.0, 1.0)
        with rasterio.open(
            self.folder / "pan.tif", "w", driver="GTiff", transform=place, crs="EPSG:32630", count=1, height=96,
            width=128, dtype="uint16",
        ) as file:  # fmt: skip
            file.write(pan)

    def read(self, rng):
        from bitpan.host.scene.scene import open_scene
        from bitpan.rasters import read_picture

        path = self.damaged(rng, *self.NAMES)
        if rng.random() < 0.5:
            read_picture(path).require_data("cure")
        else:
            with open_scene(self.folder / "pan.tif", path, small_model()) as scene:
                scene.read(0, 0, 32, 32)


class Arrays(Kind):
    """The formats of training data."""

    SUFFIX, how = "", staticmethod(damage_bytes)

    def read(self, rng):
        from bitpan.models.imagery.sources import Source
        from bitpan.models.imagery.triples import load_source

        names = [name for name in self.whole if name.endswith(self.SUFFIX)]
        load_source(Source(str(self.damaged(rng, *names, how=self.how))), 4)


def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 2048, (128, 128)).astype(np.uint16), rng.integers(0, 2048, (32, 32, 2)).astype(np.uint16)


class Mat(Arrays):
    SUFFIX = ".mat"

    def make(self):
        import h5py
        from scipy.io import savemat

        pan, ms = images()
        for name, packed in (("plain.mat", False), ("packed.mat", True)):
            savemat(self.folder / name, {"note": "text", "I_PAN": pan, "I_MS": ms}, do_compression=packed)
        savemat(self.folder / "four.mat", {"I_PAN": pan, "I_MS": ms[..., 0]}, format="4")
        with h5py.File(self.folder / "seven.mat", "w") as file:
            file["I_PAN"], file["I_MS"] = pan.T, ms.transpose(2, 1, 0)


class Npz(Arrays):
    SUFFIX, how = ".npz", staticmethod(damage_archive)

    def make(self):
        pan, ms = images()
        np.savez(self.folder / "plain.npz", pan=pan, ms=ms)
        np.savez_compressed(self.folder / "packed.npz", pan=pan, ms=ms)


class Hdf5(Arrays):
    SUFFIX = ".h5"

    def make(self):
        import h5py

        pan, ms = images()
        for name, options in (("plain.h5", {}), ("chunked.h5", {"chunks": True}), ("packed.h5", {"compression": 1})):
            with h5py.File(self.folder / name, "w") as file:
                file.create_dataset("pan", data=pan[None, None], **options)
                file.create_dataset("ms", data=ms.transpose(2, 0, 1)[None], **options)


class Qonnx(Kind):
    def make(self):
        from bitpan.qonnx.write import to_qonnx

        (self.folder / "model.onnx").write_bytes(to_qonnx(small_model(), 16, 16).SerializeToString())

    def damage(self, rng, whole):
        import onnx

        if rng.random() < 0.5:
            return damage_bytes(rng, whole)
        proto = onnx.load_from_string(whole)
        entries = [*proto.metadata_props, *proto.graph.metadata_props]
        match rng.integers(5):
            case 0:
                entry = next(entry for entry in entries if entry.key == "bitpan")
                entry.value = json.dumps(damage_document(rng, json.loads(entry.value)))
            case 1:
                node = proto.graph.node[rng.integers(len(proto.graph.node))]
                for attribute in node.attribute:
                    attribute.i = int(rng.choice(np.array(EXTREMES, object))) % (1 << 63)
                    attribute.ints[:] = [int(rng.integers(-4, 5)) for _ in attribute.ints]
            case 2:
                tensor = proto.graph.initializer[rng.integers(len(proto.graph.initializer))]
                tensor.dims[:] = [int(rng.integers(0, 9)) for _ in range(rng.integers(0, 5))]
            case 3:
                node = proto.graph.node[rng.integers(len(proto.graph.node))]
                other = proto.graph.node[rng.integers(len(proto.graph.node))]
                node.input[rng.integers(len(node.input))] = str(rng.choice([*other.output, *other.input, ""]))
            case 4:
                info = [*proto.graph.input, *proto.graph.output][rng.integers(4)]
                for size in info.type.tensor_type.shape.dim:
                    size.dim_value = int(rng.choice([0, 1, 4, 8, 16, 64, 1 << 20, -1]))
        return proto.SerializeToString()

    def read(self, rng):
        from bitpan.build.build import integers

        integers(self.damaged(rng, "model.onnx", how=self.damage), lambda what: None)


def resealed(rng, whole):
    """A document damaged before its sum was taken; now and then as it lies."""
    from bitpan.intake.documents import SUM, sealed

    if rng.random() < 0.2:
        return damage_bytes(rng, whole)
    document = json.loads(whole)
    document.pop(SUM)
    return json.dumps(sealed(damage_document(rng, document))).encode()


class Model(Kind):
    def make(self):
        small_model().save(self.folder)

    def read(self, rng):
        from bitpan.compare import random_case
        from bitpan.intake.documents import SUM, sealed
        from bitpan.intake.sums import file_digest
        from bitpan.model import IntegerModel, execute

        names = ("model.json", "model.json", "model.npz")
        path = self.damaged(
            rng, *names, how=lambda rng, whole: (damage_archive if whole[:2] == b"PK" else resealed)(rng, whole)
        )
        if path.suffix == ".npz" and rng.random() < 0.8:  # and the description says so
            document = json.loads(self.whole["model.json"])
            document.pop(SUM)
            document["constants_sha256"] = file_digest(path)
            (self.folder / "model.json").write_text(json.dumps(sealed(document)))
        model = IntegerModel.load(self.folder)
        side = 2 * model.alignment
        if model.alignment <= 16:
            execute(model, *random_case(model, side, side, 0))
        model.halo()


class Package(Kind):
    def make(self):
        from bitpan.intake.sums import write_sums

        model, registers, address = small_model(), {}, 0
        model.save(self.folder)
        for parameter in model.scene:
            registers[parameter.name] = {"address": address, "count": int(np.prod(parameter.shape))}
            address += registers[parameter.name]["count"]
        (self.folder / "rtl").mkdir()
        (self.folder / "rtl/top.v").write_text("module top; endmodule\n")
        document = {
            **{"schema": 3, "frame": {"height": 64, "width": 72}, "signature": 7, "registers": registers},
            **{"ip": "a", "clock_mhz": 100, "memory": {"bytes_per_second": 1e9, "latency_ns": 5}, "bitstream": "a.bit"},
            **{"rtl": {"top": "top", "sources": ["rtl/top.v"]}, "cycles_per_frame": 10, "cycles_per_frame_steady": 9},
        }
        (self.folder / "accelerator.json").write_text(json.dumps(document))
        write_sums(self.folder)

    def read(self, rng):
        from bitpan.intake.sums import write_sums
        from bitpan.package import Package

        if rng.random() < 0.3:
            self.damaged(rng, *self.whole)
        else:
            how = lambda rng, whole: json.dumps(damage_document(rng, json.loads(whole))).encode()  # noqa: E731
            self.damaged(rng, "accelerator.json", how=how)
            write_sums(self.folder)
        Package.load(self.folder).clocks(8, 8)


class Checkpoint(Kind):
    def make(self):
        import torch

        from bitpan.models.networks.configuration import Configuration
        from bitpan.models.networks.s2bnet import S2BNetFlat
        from bitpan.models.training.checkpoint import save_checkpoint

        torch.manual_seed(0)
        save_checkpoint(self.folder / "net.pt", S2BNetFlat(Configuration(blocks=2, channels=8)), {"settings": {}})

    def read(self, rng):
        import torch

        from bitpan.models.training.checkpoint import load_network

        if rng.random() < 0.5:
            load_network(self.damaged(rng, "net.pt", how=damage_archive))
        document = torch.load(io.BytesIO(self.whole["net.pt"]), weights_only=True)
        own = damage_document(
            rng, {key: document[key] for key in ("network", "configuration", "provenance", "training")}
        )
        torch.save(document | own, self.folder / "net.pt")
        load_network(self.folder / "net.pt")


class SweepFile(Kind):
    def make(self):
        text = Path(__file__).parents[2].joinpath("docs/sweeps/synthetic.toml").read_text()
        (self.folder / "sweep.toml").write_text(text)
        record = {"arm": "a", "run": "0.01-0", "settings": {"lr": 0.01}, "result": {"validation": {"PSNR": 1.0}}}
        (self.folder / "runs.jsonl").write_text((json.dumps(record) + "\n") * 2)

    def damage(self, rng, whole):
        """Numbers, names and lines exchanged; half of the time plain damage."""
        if rng.random() < 0.5:
            return damage_bytes(rng, whole)
        words = whole.decode().split(" ")
        for _ in range(rng.integers(1, 4)):
            choice = ["0", "-1", "1e400", "[]", "{}", "nan", "''", "99999999999999999999", *words]
            words[rng.integers(len(words))] = choice[rng.integers(len(choice))]
        return " ".join(words).encode()

    def read(self, rng):
        from bitpan.models.sweep.file import read_sweep
        from bitpan.models.sweep.memory import remembered

        path = self.damaged(rng, "sweep.toml", "sweep.toml", "runs.jsonl", how=self.damage)
        if path.suffix == ".toml":
            read_sweep(path, self.folder)
        else:
            remembered(self.folder)


class SceneFile(Kind):
    def make(self):
        from bitpan.compare import random_case
        from bitpan.host.scene.calibration import Calibration, save_calibration
        from bitpan.radiometry import Level, PanMatch

        model = small_model()
        level = Level.unchanged(11, model.bands)
        own = Calibration((0.5, -0.25), level, PanMatch(11), 0.35, random_case(model, 16, 16, 0)[1])
        save_calibration(self.folder / "a.scene.json", model, own)

    def read(self, rng):
        from bitpan.host.scene.calibration import load_calibration

        load_calibration(self.damaged(rng, "a.scene.json", how=resealed), small_model())


KINDS = {
    "tiff": Tiff, "mat": Mat, "npz": Npz, "hdf5": Hdf5, "qonnx": Qonnx, "model": Model, "package": Package,
    "checkpoint": Checkpoint, "sweep": SweepFile, "scene": SceneFile,
}  # fmt: skip


_MODELS = []


def small_model():
    if not _MODELS:
        path = Path(__file__).parents[1] / "conftest.py"
        spec = importlib.util.spec_from_file_location("conftest_of_fuzz", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        _MODELS.append(module.make_random_model(blocks=1, channels=4, bands=2))
    return _MODELS[0]


# --- Running ---


def outcome(kind, seed, number):
    """What became of an input: ``read``, the name of a typed error, or a fault."""
    from bitpan.errors import BitpanError

    rng = np.random.default_rng([seed, list(KINDS).index(kind.name), number])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kind.read(rng)
        except BitpanError as error:
            if "\n" in str(error):
                return f"fault: {type(error).__name__} of several lines: {error!s:.200}"
            return type(error).__name__
        except Exception as error:
            return f"fault: {type(error).__name__}: {error!s:.200}"
    return "read"


def work(name, seed, first, last, told):
    """Inputs ``first`` to ``last`` of a kind, in a process of its own; each number and outcome is told."""
    os.environ |= {"BITPAN_MEMORY": "0.25", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        kind = KINDS[name](Path(folder))
        kind.name = name
        outcome(kind, seed, first)  # whatever is imported late
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)  # libraries write there
        for number in range(first, last):
            told.send((number, outcome(kind, seed, number)))
    told.close()


def fuzz(name, seed, first, last):
    """``(outcomes, faults)`` of a kind's inputs; faults by number."""
    counts, faults = Counter(), {}
    context = multiprocessing.get_context("fork")
    while first < last:
        mine, theirs = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(name, seed, first, last, theirs))
        worker.start()
        theirs.close()
        try:
            while mine.poll(PATIENCE):
                number, what = mine.recv()
                first = number + 1
                counts[what.split(":")[0]] += 1
                if what.startswith("fault"):
                    faults[number] = what
            end = "hung"
        except EOFError:
            worker.join()
            end = f"ended by {worker.exitcode}"
        worker.kill()
        worker.join()
        if first < last:
            counts["fault"] += 1
            faults[first] = f"fault: the process {end}"
            first += 1
    return counts, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--first", type=int, default=0, help="number of a kind's first input")
    own = parser.parse_args()
    names = [own.only] if own.only else list(KINDS)
    for module in (
        "models.sweep.file",
        "models.training.checkpoint",
        "models.imagery.readers",
        "build.build",
        "host.fuser",
    ):
        importlib.import_module(f"bitpan.{module}")  # once, for all workers
    each, faults, total = -(-own.inputs // len(names)), 0, 0
    for name in names:
        began = time.monotonic()
        counts, found = fuzz(name, own.seed, own.first, own.first + each)
        told = ", ".join(f"{count} {what}" for what, count in counts.most_common())
        print(f"{name:11}{sum(counts.values()):6} inputs in {time.monotonic() - began:4.0f} s: {told}", flush=True)
        for number, what in found.items():
            print(f"  --only {name} --seed {own.seed} --first {number}: {what}", flush=True)
        faults, total = faults + len(found), total + sum(counts.values())
    print(f"{total} inputs, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
