"""Forecasts histories with Holt-Winters and AutoETS, for 'bench forecast FOLDER'.

Reads one history per line, 'SEASON STEPS VALUE...', and writes one line for each, 'HOLT_WINTERS AUTO_ETS': the
forecasts of the value after STEPS steps, or nan where a model cannot fit the history.
"""
import multiprocessing
import sys
import warnings

import numpy
from statsforecast.models import AutoETS, Holt, HoltWinters


def forecasts(line):
    season, steps, *history = line.split()
    season, steps, values = int(season), int(steps), numpy.array(history, dtype=float)
    answer = []
    for model in (
        HoltWinters(season_length=season) if 1 < season < len(values) / 2 else Holt(),
        AutoETS(season_length=season),
    ):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer.append(float(model.forecast(y=values, h=steps)["mean"][steps - 1]))
        except Exception:
            answer.append(float("nan"))
    return "%r %r" % tuple(answer)


if __name__ == "__main__":
    with multiprocessing.Pool() as pool:
        print("\n".join(pool.map(forecasts, sys.stdin.readlines(), chunksize=4)))
