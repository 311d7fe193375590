#!/bin/sh
# Makes bitpan.bit of this package without Vivado: place and route by nextpnr, its bits by Project X-Ray. Run in its folder:
#     PRJXRAY_DB=/path/to/prjxray-db sh open.sh
# Written by bitpan build, which leaves Yosys' netlist in open/. It has been run by stand-ins of these programs alone, and
# its timing is nextpnr's estimate.
set -eu
cd "$$(dirname "$$0")"
say() { echo "bitpan: $$1"; }
database=$${PRJXRAY_DB:?say where the folder of prjxray-db is}/zynq7
[ -f open/bitpan.json ] || { echo "open/bitpan.json is missing: bitpan build --toolchain open makes it" >&2; exit 1; }
sha256sum --check --quiet $checksums
: > open/none.xdc # the processor's pins are its own

say "place and route"
nextpnr-himbaechel --device $part --json open/bitpan.json --freq $clock_mhz -o xdc=open/none.xdc \
    -o fasm=open/bitpan.fasm --log open/nextpnr.log
say "bitstream"
fasm2frames --part $part --db-root "$$database" open/bitpan.fasm open/bitpan.frames
xc7frames2bit --part_file "$$database/$part/part.yaml" --part_name $part --frm_file open/bitpan.frames \
    --output_file bitpan.bit
say "checksums"
grep -v ' bitpan[.]' $checksums > open/sums
sha256sum bitpan.bit >> open/sums
mv open/sums $checksums
