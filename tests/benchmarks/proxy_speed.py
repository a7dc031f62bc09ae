"""Proxy language models: tokens per second while training and scoring, beside the bare model, and how long a whole pool
takes.

Real instructions where there are any, else made-up ones. `bare`: forward passes alone on the same batches, with all
logits as the model gives them. `steps alone`: forward, backward and AdamW on the same batches, without Trainer, log and
checkpoints. Padding is not counted as tokens.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from datasel_core.base.conversation import Turn
from datasel_core.base.progress import Progress
from datasel_core.features.encoders.loss_trajectory import LossTrajectory
from datasel_core.features.feature import Source
from datasel_core.features.language.batches import scoring_batches, training_order
from datasel_core.features.language.proxy import Trail
from datasel_core.features.language.scoring import score
from datasel_core.features.language.tokens import Tokens, read_tokens
from datasel_core.features.language.vocabulary import read_vocabulary
from tests.benchmarks._measure import size, stopwatch, table
from tests.conftest import real_data


def main() -> None:
    samples = _samples()
    table([_measured(samples, **asked) for asked in ({}, {"precision": "bf16"})])


def _samples() -> list[list[Turn]]:
    data = real_data()
    files = [data / "instructions" / f"{name}.jsonl" for name in ("gsm8k_train", "bbh", "agieval")] if data else []
    if files and all(file.exists() for file in files):
        lines = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").split("\n") if line]
        print(f"{len(lines)} real instructions")
        return [[Turn("user", line["prompt"]), Turn("assistant", line["response"])] for line in lines]
    print("no real instructions (set DATASEL_REAL_DATA): made-up ones")
    return [
        [Turn("user", f"How much is {row} + {row}? " * 8), Turn("assistant", f"{row} + {row} is {row + row}. " * 4)]
        for row in range(17530)
    ]


def _measured(samples: list[list[Turn]], **asked: Any) -> dict[str, Any]:
    """On a sample of the samples, one pass; the whole is so many times more."""
    few = np.random.default_rng(0).permutation(len(samples))[: size(500)]
    feature = LossTrajectory(epochs=1, n_checkpoints=2, device="cpu", **asked)
    with tempfile.TemporaryDirectory() as scratch:
        source = Source(len(few), turns=lambda row: samples[few[row]], folder=Path(scratch))
        with stopwatch() as training:
            fitted = feature.fit(source, Progress())
        facts = feature.describe(source)
        tokens = read_tokens(
            source, np.arange(source.n), read_vocabulary(source.folder / "proxy"), feature.template, feature.length
        )
        trail = Trail(source.folder / "proxy", tuple(fitted["steps"].tolist()), "cpu")
        model, bf16 = trail.model(1), feature.precision == "bf16"
        for _ in _forward(model, tokens, feature.batch_tokens, bf16, 3):
            pass
        with stopwatch() as bare:
            seen = sum(_forward(model, tokens, feature.batch_tokens, bf16))
        with stopwatch() as scoring:
            score(model, tokens, feature.batch_tokens, bf16)
        with stopwatch() as whole:
            list(feature.blocks(source, np.arange(source.n), fitted))
        with stopwatch() as alone:
            trained = _steps(model, tokens, feature.batch, bf16)
    n = facts["tokens"]
    rates = {
        "training": n / training[0],
        "steps alone": trained / alone[0],
        "scoring": n / scoring[0],
        "bare": seen / bare[0],
        "feature": 2 * n / whole[0],
    }
    minutes = (
        len(samples)
        / len(few)
        * n
        / 60
        * (LossTrajectory().epochs / rates["training"] + LossTrajectory().n_checkpoints / rates["feature"])
    )
    return {
        "precision": feature.precision,
        "parameters": facts["parameters"],
        **{f"{name} tok/s": f"{rate:.0f}" for name, rate in rates.items()},
        "scoring : bare": rates["scoring"] / rates["bare"],
        "feature : bare": rates["feature"] / rates["bare"],
        "whole pool, minutes": minutes,
    }


def _forward(model: Any, tokens: Tokens, batch_tokens: int, bf16: bool, most: int | None = None) -> Iterator[int]:
    import torch

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for at in list(scoring_batches(tokens.lengths(), batch_tokens))[:most]:
            model(input_ids=torch.from_numpy(tokens.padded(at)[0]), use_cache=False).logits.sum()
            yield int(tokens.lengths()[at].sum())


def _steps(model: Any, tokens: Tokens, batch: int, bf16: bool) -> int:
    """Twenty steps by hand; how many tokens they had."""
    import torch

    model.requires_grad_(True).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    order = training_order(tokens.lengths(), batch, 20, 0)
    for at in order.reshape(-1, batch):
        ids, learned = map(torch.from_numpy, tokens.padded(at))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model.get_output_embeddings()(
                model.base_model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][learned[:, 1:]]
            )
        torch.nn.functional.cross_entropy(logits.float(), ids[:, 1:][learned[:, 1:]]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return int(tokens.lengths()[order].sum())


if __name__ == "__main__":
    main()
