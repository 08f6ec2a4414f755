"""Speaks the Open Inference Protocol to a front door through clients that others wrote, unmodified.

Usage: inference_clients.py HOST:PORT TOKEN, where a class 'Mixer' of a user's is declared beside the built-in ones.
Prints what was sent and received, and fails at the first surprise.
"""

import asyncio
import sys

import numpy as np
import tritonclient.http as triton
from kserve import InferInput, InferRequest, RESTConfig
from kserve.inference_client import InferenceRESTClient
from tritonclient.utils import InferenceServerException

ADDRESS, TOKEN = sys.argv[1:]
HEADERS = {"Authorization": "Bearer " + TOKEN}
EVENTS = np.array([[0.9, 0.8] + [0.5] * 10, [0.1, 0.1] + [0.5] * 6 + [1.0, 0.0, 0.5, 0.5]])
SERIES = np.array([[0.5]] * 40 + [[0.99]])


def say(client, what, result):
    print(f"{client}: {what} -> {result}", flush=True)


def same(client, what, found, expected):
    say(client, what, found)
    assert found == expected, f"{client}: {what}: found {found}, expected {expected}"


def tensor(name, values, datatype, binary):
    sent = triton.InferInput(name, list(values.shape), datatype)
    sent.set_data_from_numpy(values, binary_data=binary)
    return sent


def refused(call, status):
    try:
        call()
    except InferenceServerException as error:
        say("tritonclient", "refused", error)
        assert error.status() == str(status), error
        return
    raise AssertionError(f"expected status {status}")


def speak_triton():
    client = triton.InferenceServerClient(ADDRESS)
    name = "tritonclient"
    same(name, "is_server_live", client.is_server_live(), True)
    same(name, "is_server_ready", client.is_server_ready(), True)
    say(name, "get_server_metadata", client.get_server_metadata(headers=dict(HEADERS)))
    refused(client.get_server_metadata, 401)
    for model in ("SalienceScorer", "AnomalyDetector", "ScalingPredictor", "Mixer"):
        same(name, f"is_model_ready {model}", client.is_model_ready(model, headers=dict(HEADERS)), True)
        metadata = client.get_model_metadata(model, headers=dict(HEADERS))
        say(name, f"get_model_metadata {model}", metadata)
        version = metadata["versions"][0]
        same(name, f"{model} version {version}", client.is_model_ready(model, version, headers=dict(HEADERS)), True)
        same(name, f"{model} version none", client.is_model_ready(model, "none", headers=dict(HEADERS)), False)
    same(name, "is_model_ready Nobody", client.is_model_ready("Nobody", headers=dict(HEADERS)), False)

    expected = None
    for binary in (True, False):
        for outputs in (None, [triton.InferRequestedOutput("scores", binary_data=binary)]):
            for compression in (None, "gzip", "deflate"):
                result = client.infer(
                    "SalienceScorer", [tensor("features", EVENTS, "FP64", binary)], outputs=outputs, request_id="r 1",
                    headers=dict(HEADERS),  # The client adds its Content-Encoding to them.
                    request_compression_algorithm=compression, response_compression_algorithm=compression)
                scores = result.as_numpy("scores")
                assert result.get_response()["id"] == "r 1" and scores.shape == (2,) and scores.dtype == np.float64
                expected = scores if expected is None else expected
                assert (scores == expected).all() and scores[0] > scores[1]
    say(name, "infer SalienceScorer", result.get_response())
    narrow = client.infer("SalienceScorer", [tensor("features", EVENTS.astype(np.float32), "FP32", True)], headers=dict(HEADERS))
    assert np.allclose(narrow.as_numpy("scores"), expected, atol=1e-6)

    anomalies = client.infer(
        "AnomalyDetector", [tensor("data", SERIES, "FP64", True),
                            tensor("metrics", np.array(["cpu_usage"], dtype=object), "BYTES", True)], headers=dict(HEADERS))
    assert anomalies.as_numpy("scores").shape == (41,)
    same(name, "infer AnomalyDetector", anomalies.as_numpy("severities")[-1], b"critical")

    metrics = {"cpu_avg": 0.9, "memory_avg": 0.9, "response_time": 2.0}
    scaling = client.infer(
        "ScalingPredictor", [tensor(metric, np.array([value]), "FP64", False) for metric, value in metrics.items()],
        headers=dict(HEADERS), parameters={"current_replicas": 4})
    same(name, "infer ScalingPredictor", scaling.as_numpy("action")[0], b"scale_up")
    assert scaling.as_numpy("recommended_replicas")[0] > 4

    mixed = client.infer(
        "Mixer", [tensor("numbers", np.arange(6, dtype=np.int32).reshape(2, 3), "INT32", True),
                  tensor("flags", np.array([True, False]), "BOOL", True),
                  tensor("words", np.array([["a", "h\u00e9"]], dtype=object), "BYTES", False)], headers=dict(HEADERS))
    assert (mixed.as_numpy("numbers") == np.arange(6).reshape(2, 3) * 2).all()
    assert (mixed.as_numpy("flags") == np.array([False, True])).all()
    same(name, "infer Mixer", [each.decode() for each in mixed.as_numpy("words").flatten()], ["A", "H\u00c9"])
    large = np.random.default_rng(1).random((9_000, 12))
    same(name, "infer with 864,000 bytes",
         client.infer("SalienceScorer", [tensor("features", large, "FP64", True)], headers=dict(HEADERS)).as_numpy("scores").shape,
         (9_000,))
    empty = client.infer("Mixer", [tensor("numbers", np.zeros((0, 3), dtype=np.int64), "INT64", True)], headers=dict(HEADERS))
    same(name, "infer with no element", empty.as_numpy("numbers").shape, (0, 3))

    refused(lambda: client.infer("Nobody", [tensor("x", EVENTS, "FP64", True)], headers=dict(HEADERS)), 404)
    refused(lambda: client.infer("SalienceScorer", [tensor("x", EVENTS, "FP64", True)], headers=dict(HEADERS)), 400)
    refused(lambda: client.infer("SalienceScorer", [tensor("features", EVENTS[:, :3], "FP64", True)], headers=dict(HEADERS)), 400)
    refused(lambda: client.infer("SalienceScorer", [tensor("features", EVENTS + 1, "FP64", True)], headers=dict(HEADERS)), 400)
    refused(lambda: client.infer("Mixer", [tensor("numbers", EVENTS, "FP64", True)], headers=dict(HEADERS)), 400)
    refused(lambda: client.get_model_config("SalienceScorer", headers=dict(HEADERS)), 404)
    client.close()


async def speak_kserve():
    client, base, name = InferenceRESTClient(RESTConfig(protocol="v2")), f"http://{ADDRESS}", "kserve"
    same(name, "is_server_live", await client.is_server_live(base), True)
    same(name, "is_server_ready", await client.is_server_ready(base), True)
    same(name, "is_model_ready", await client.is_model_ready(base, "Mixer", headers=dict(HEADERS)), True)
    for binary in (False, True):
        sent = InferInput("features", list(EVENTS.shape), "FP64")
        sent.set_data_from_numpy(EVENTS, binary_data=binary)
        response = await client.infer(
            base, InferRequest("SalienceScorer", [sent]), model_name="SalienceScorer", headers=dict(HEADERS))
        scores = response.outputs[0].as_numpy()
        assert scores.shape == (2,) and scores[0] > scores[1]
        say(name, "infer SalienceScorer", response.to_dict() if hasattr(response, "to_dict") else scores)
    await client.close()


speak_triton()
asyncio.run(speak_kserve())
print("all clients were answered")
