"""What each emulator makes of a scenario that it was not trained on, IPSL-CM6A-LR annual tas, from the true global mean
of the target: RMSE in K of the mean field of 2080-2100, and how long it took to fit; how often single years of the
target lie within what is drawn. One member of each scenario.

python -m tests.benchmarks.climate_emulators
"""

import time

import numpy as np

from datasel_core.analysis.climate.emulators import cnn, covariance, gaussian_process, pattern_scaling, variability
from tests.analysis.climate.emulators import real


def main() -> None:
    latitude, longitude, weight = real.grid()
    runs = {name: real.run(name) for name in ("historical", "ssp126", "ssp585")}
    near = covariance.distances(latitude, longitude)
    for train, target in ((("historical", "ssp585"), "ssp126"), (("historical", "ssp126"), "ssp585")):
        fields, driver, year = (
            np.concatenate([getattr(runs[name], what) for name in train]) for what in ("field", "gmst", "year")
        )
        names = np.repeat(train, [len(runs[name].year) for name in train])
        depth = real.aerosol_depth(year)
        given = (fields, driver, weight, names, None, year)
        kinds = {
            "pattern scaling": lambda given=given: pattern_scaling.fit(*given),
            "gaussian process": lambda given=given: gaussian_process.fit(*given),
            "cnn": lambda given=given: cnn.fit(*given, shape=(20, 20)),
            "variability": lambda given=given, depth=depth: variability.fit(*given, distance=near, depth=depth),
        }
        one = runs[target]
        late = one.year >= 2080
        for name, fit in kinds.items():
            start = time.perf_counter()
            emulator = fit()
            spent = time.perf_counter() - start
            error = one.field[late].mean(axis=0) - emulator.predict(one.gmst)[late].mean(axis=0)
            rmse = np.sqrt(np.average(np.square(error), weights=weight))
            print(f"{'+'.join(train)} -> {target}  {name:18s} {rmse:.4f} K  {spent:6.1f} s")
            if name == "variability":
                radius = emulator.radius
                print(f"    localised within {emulator.km:,.0f} km; at the end of what was tried: {radius.at_end}")
                drawn = emulator.draw(one.gmst, 200, np.random.default_rng(0))
                for share in (0.5, 0.8, 0.9, 0.95):
                    low, high = np.quantile(drawn, [(1 - share) / 2, (1 + share) / 2], axis=0)
                    held = ((one.field >= low) & (one.field <= high)).mean(axis=0)
                    print(
                        f"    {share:.0%} intervals of 200 members hold {np.average(held, weights=weight):.1%} of years"
                    )


if __name__ == "__main__":
    main()
