#!/usr/bin/env python3
"""Trains an example salience model and exports it as ONNX for SalienceScorer.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py --out salience.onnx --answers answers.json

SalienceScorer accepts any regressor that skl2onnx, onnxmltools or torch.onnx can export. It must have one
float or double input of shape [batch, 12] with the features in the order below, and one number per row as output.
Replace generate() with your own events. The label of an event is its actual salience, 0 to 1.
"""
import argparse
import json

import numpy
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score

FEATURES = [
    "task_risk", "failure_severity", "task_complexity", "agent_capability", "agent_memory_util", "system_load",
    "memory_usage", "cpu_usage", "response_time", "error_rate", "user_impact", "business_criticality",
]


def generate(rows: int, rng: numpy.random.Generator) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Returns synthetic events and their labels. Risk weighs most, and more under load."""
    events = rng.uniform(0, 1, (rows, len(FEATURES)))
    events[:, FEATURES.index("response_time")] = rng.gamma(1.5, 0.8, rows)
    events[:, FEATURES.index("error_rate")] = rng.beta(1, 12, rows)
    # The model runs in single precision, so train it on single-precision values.
    events = events.round(4).astype(numpy.float32)
    f = {name: events[:, i].astype(float) for i, name in enumerate(FEATURES)}
    load = numpy.maximum(f["cpu_usage"], numpy.maximum(f["memory_usage"], f["system_load"]))
    signal = (
        1.6 * f["task_risk"] * f["failure_severity"] * (0.5 + load)
        + 0.9 * f["user_impact"] * f["business_criticality"]
        + 4.0 * f["error_rate"]
        + 0.4 * numpy.log1p(f["response_time"])
        + 0.3 * f["task_complexity"] * (1 - f["agent_capability"])
        + 0.2 * f["agent_memory_util"]
    )
    labels = 1 / (1 + numpy.exp(-3 * (signal - 1.5))) + rng.normal(0, 0.03, rows)
    return events, labels.clip(0, 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", default="salience.onnx", help="ONNX file to write (default: %(default)s)")
    options.add_argument("--answers", help="JSON file to write with 1,000 unseen events and scikit-learn's scores")
    options.add_argument("--rows", type=int, default=20_000, help="number of training events (default: %(default)s)")
    options.add_argument("--seed", type=int, default=1, help="seed of the random generator (default: %(default)s)")
    args = options.parse_args()

    rng = numpy.random.default_rng(args.seed)
    events, labels = generate(args.rows, rng)
    model = GradientBoostingRegressor(n_estimators=150, max_depth=4, learning_rate=0.1, random_state=args.seed)
    model.fit(events, labels)

    unseen, truth = generate(1_000, rng)
    answers = model.predict(unseen)
    print(f"on 1,000 unseen events: mean absolute error {mean_absolute_error(truth, answers):.4f}, "
          f"R² {r2_score(truth, answers):.4f}")

    onnx = to_onnx(model, initial_types=[("features", FloatTensorType([None, len(FEATURES)]))])
    with open(args.out, "wb") as file:
        file.write(onnx.SerializeToString())
    print(f"wrote {args.out}")
    if args.answers:
        with open(args.answers, "w", encoding="utf-8") as file:
            rows = [{name: round(float(value), 4) for name, value in zip(FEATURES, row)} for row in unseen]
            scores = [round(float(score), 9) for score in answers.clip(0, 1)]
            json.dump({"features": rows, "scores": scores}, file)
        print(f"wrote {args.answers}")


if __name__ == "__main__":
    main()
