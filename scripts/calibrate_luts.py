"""Calibrate LUT counts of open tools on public designs that were routed: ratios, their range, and what it would have said of each design left out.

    python scripts/calibrate_luts.py

The designs are data, with their sources, in l1ad/rtl/calibration.json; add one there and run this again.
"""

from __future__ import annotations

from statistics import geometric_mean

from l1ad.rtl.calibration import CalibrationDesign, load_calibration, routed_interval


def ratio(design: CalibrationDesign) -> float:
    """Return routed over estimated LUTs of a design that has both."""
    found = design.routed_ratio
    if found is None:
        raise SystemExit(f"{design.name!r} calibrates and has no routed or no open LUT count; complete it in calibration.json.")
    return found


def main() -> None:
    """Print a line a design, then the interval and its coverage."""
    designs = [design for design in load_calibration() if design.calibrates]
    errors, covered = [], 0
    print(f"{'design':42} {'estimate':>8} {'routed':>7} {'ratio':>6}  left out: error, in the others' range")
    for design in designs:
        others = [ratio(other) for other in designs if other is not design]
        errors.append(geometric_mean(others) / ratio(design) - 1)
        inside = min(others) <= ratio(design) <= max(others)
        covered += inside
        said = f"{100 * errors[-1]:+.1f} %, {'yes' if inside else 'no'}"
        print(f"{design.name:42} {design.open[0].lut:8d} {design.routed_lut:7d} {ratio(design):6.3f}  {said}")
    interval = routed_interval((1000.0,))
    print(f"\n{len(designs)} designs, ratio {interval.ratios[0]:.3f} to {interval.ratios[1]:.3f}, geometric mean "
          f"{geometric_mean([ratio(design) for design in designs]):.3f}; left out one at a time: largest error "
          f"{100 * max(map(abs, errors)):.1f} %, in the others' range {covered} of {len(designs)}; the range covers the next design with "
          f"{100 * interval.coverage:.0f} %. Smallest routed design: {interval.smallest} LUT.")  # fmt: skip


if __name__ == "__main__":
    main()
