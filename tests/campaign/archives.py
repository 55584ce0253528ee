"""Data files that were spoiled, or made to do harm, read in processes of their own: none may end by a signal.

`python -m tests.campaign.archives --mutants 100000` spoils CIFAR's pickles, tar archives, MNIST's and STL-10's files
and images, each mutant by its own seed, and reads it as `--data` does. A mutant may be read or be refused
(`ArchError`); any other exception, a signal, or more than `MEMORY` is a fault, and is told with its seed.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy
from PIL import Image

from archlang.diagnostics import ArchError
from archlang.train.data.sources import find
from tests.train.data import archives

AT_ONCE = 1000
"""Mutants that one process reads."""

MEMORY = 3 << 30
"""Bytes that a process may ask for; torch alone takes 1 GB of addresses."""

SECONDS = 300
"""Time for `AT_ONCE` mutants."""

Random = numpy.random.Generator

SNIPPETS = (
    b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c_codecs\nencode\n",
    b"cos\nsystem\n(S'true'\ntR", b"cbuiltins\neval\n", b"cnumpy.core.multiarray\nscalar\n", b"(K\x00tK\x01\x87R",
    b"U\x02O8K\x00K\x01\x87R", b"U\x03V99K\x00K\x01\x87R", b"(K\x01(K\xfftb", b"M\xff\xff\x85", b"J\xff\xff\xff\xff",
    b"J\xff\xff\xff\x7f", b"\x8a\x09" + bytes(8) + b"\x01", b"\x8b\xff\xff\xff\x7f", b"(lp0\n", b"}q\x00",
    b"\x93", b"R", b"b", b"\x81", b"\x82\x01", b"\x97", b"\x98", b"Q", b"o", b"i", b"P0\n", b"h\x00", b"q\x00", b"e",
    b"u", b"s", b"a", b"t", b"(", b"0", b"1", b"2", b".", b"\x95" + b"\xff" * 8, b"\x8e" + b"\xff" * 8,
)
"""Pieces of pickles: what names arrays and worse, extreme counts, every opcode that moves the stack."""


def spoiled(raw: bytes, random: Random) -> bytes:
    """A file with a few changes of any kind."""
    data = bytearray(raw)
    for _ in range(int(random.integers(1, 6))):
        place = int(random.integers(0, len(data))) if data else 0
        match int(random.integers(0, 7)):
            case 0 if data:
                data[place] = int(random.integers(0, 256))
            case 1:
                del data[place : place + int(random.integers(1, 40))]
            case 2:
                data[place:place] = data[place : place + int(random.integers(1, 200))]
            case 3:
                data[place:place] = SNIPPETS[int(random.integers(0, len(SNIPPETS)))]
            case 4:
                piece = SNIPPETS[int(random.integers(0, len(SNIPPETS)))]
                data[place : place + len(piece)] = piece
            case 5:
                data[place : place + 4] = int(random.choice([0, 1, 255, 2**31 - 1, 2**32 - 1])).to_bytes(4, "little")
            case _:
                del data[place:]
    return bytes(data)


def spoiled_head(raw: bytes, random: Random) -> bytes:
    """A file whose first bytes alone were changed: sizes, kinds, the first opcodes."""
    cut = int(random.integers(16, 600))
    return spoiled(raw[:cut], random) + raw[cut:]


def spoiled_tar(raw: bytes, random: Random) -> bytes:
    """A tar whose headers were changed and have right checksums, so that what they say is believed."""
    data = bytearray(raw)
    for _ in range(int(random.integers(1, 4))):
        start = 512 * int(random.integers(0, max(len(data) // 512, 1)))
        header = data[start : start + 512]
        if len(header) < 512 or header[257:262] != b"ustar":
            continue
        match int(random.integers(0, 5)):
            case 0:
                header[156:157] = bytes([int(random.choice(list(b"0123456789LKxgSVX\0")))])
            case 1:
                size = int(random.choice([0, 1, 511, 513, 2**20, 2**31, 2**33 - 1]))
                header[124:136] = f"{size:011o}\0".encode()
            case 2:
                header[124:136] = b"\x80" + bytes(int(b) for b in random.integers(0, 256, 11))
            case 3:
                header[124:136] = bytes(int(b) for b in random.integers(0, 256, 12))
            case _:
                header[int(random.integers(0, 100))] = int(random.integers(0, 256))
        header[148:156] = b" " * 8
        header[148:156] = f"{sum(header):06o}\0 ".encode()
        data[start : start + 512] = header
    return bytes(data)


class Ground:
    """Good files of every format, and where each mutant of them is written and read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cifar = archives.cifar100(folder / "cifar100") / "cifar-100-python"
        self.mnist = archives.mnist(folder / "mnist")
        self.stl = archives.stl10(folder / "stl10") / "stl10_binary"
        archives.images(folder / "images", count=3)
        small = folder / "small"
        small.mkdir()
        for name in ("train", "test", "meta"):
            shutil.copy(self.cifar / name, small / name)
        self.tar = folder / "cifar.tar"
        _tar(small, self.tar)
        self.good = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        self.kinds = self._kinds()

    def _kinds(self) -> list[tuple[Path, str, Callable[[bytes, Random], bytes]]]:
        """The files to spoil, what reads each, and how it is spoiled."""
        pickles = [self.cifar / name for name in ("train", "test", "meta")]
        kinds = [(path, f"cifar{n}:{self.cifar.parent}", how)
                 for path in pickles for n in (100, 20) for how in (spoiled, spoiled_head)]
        kinds += [(self.tar, f"cifar100:{self.tar}", how) for how in (spoiled, spoiled_tar, spoiled_tar)]
        kinds += [(path, f"mnist:{self.mnist}", spoiled_head) for path in sorted(self.mnist.iterdir())]
        kinds += [(path, f"stl10:{self.stl}", spoiled) for path in sorted(self.stl.iterdir())]
        return [*kinds, *[self._image()] * 3]

    def _image(self) -> tuple[Path, str, Callable[[bytes, Random], bytes]]:
        image = self.folder / "images" / "train" / "dark" / "0.png"
        return image, f"folder:{self.folder / 'images'}", spoiled

    def read(self, seed: int) -> str:
        """Write and read the mutant of a seed; `read`, `refused`, or what went wrong."""
        return self._read(seed, *self.kinds[seed % len(self.kinds)])

    def read_image(self, seed: int) -> str:
        """The same for an image, whatever the seed."""
        return self._read(seed, *self._image())

    def _read(self, seed: int, path: Path, name: str, how: Callable[[bytes, Random], bytes]) -> str:
        random = numpy.random.default_rng(seed)
        path.write_bytes(how(self._good(path, random), random))
        try:
            data = find(name)
            for part in data.parts:
                part.batch(range(min(len(part), 4)))
        except ArchError:
            return "refused"
        except Exception as problem:
            return f"{type(problem).__name__}: {problem}"[:300]
        finally:
            path.write_bytes(self.good[path])
        return "read"

    def _good(self, path: Path, random: Random) -> bytes:
        """The bytes to spoil; images in a format of any kind."""
        if path.suffix != ".png":
            return self.good[path]
        kept = path.with_name("kept")
        image = Image.fromarray(random.integers(0, 256, (9, 11, 3)).astype(numpy.uint8))
        image.save(kept, format=str(random.choice(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "TGA", "PPM"])))
        raw = kept.read_bytes()
        kept.unlink()
        return raw


def _tar(folder: Path, archive: Path) -> None:
    import tarfile

    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(folder, "cifar-100-python-" + "x" * 120)  # a name that takes a pax header


def child(first: int, count: int) -> None:
    """Read some mutants in this process; what was found goes to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    outcomes: Counter[str] = Counter()
    faults: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        for seed in range(first, first + count):
            outcome = ground.read(seed)
            outcomes[outcome if outcome in ("read", "refused") else "fault"] += 1
            if outcome not in ("read", "refused"):
                faults.append((seed, outcome))
    print(json.dumps({"outcomes": outcomes, "faults": faults}))


def batches(mutants: int, first: int) -> Iterator[tuple[int, int]]:
    """The first seed and the number of mutants of each process."""
    for start in range(0, mutants, AT_ONCE):
        yield first + start, min(AT_ONCE, mutants - start)


def campaign(mutants: int, first: int = 0) -> tuple[Counter[str], list[str]]:
    """Read all mutants; the outcomes, and the faults in words."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    for start, count in batches(mutants, first):
        words = [sys.executable, "-m", "tests.campaign.archives", "--child", str(start), str(count)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            faults.append(f"seeds {start} to {start + count - 1}: more than {SECONDS} seconds")
            continue
        if done.returncode:
            faults.append(f"seeds {start} to {start + count - 1}: status {done.returncode}: {done.stderr[-300:]}")
            continue
        found = json.loads(done.stdout)
        outcomes.update(found["outcomes"])
        faults += [f"seed {seed}: {said}" for seed, said in found["faults"]]
    return outcomes, faults


def main() -> None:
    """Parse the words, read the mutants, tell what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--child", type=int, nargs=2, metavar=("FIRST", "COUNT"))
    given = parser.parse_args()
    if given.child:
        child(*given.child)
        return

    outcomes, faults = campaign(given.mutants, given.first)
    print(f"{sum(outcomes.values())} mutants: {outcomes['read']} read, {outcomes['refused']} refused, "
          f"{len(faults)} faults")
    for fault in faults[:50]:
        print(fault)
    if faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
