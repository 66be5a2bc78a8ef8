"""The training loop of all stages, on accelerate: one process, DDP or FSDP2.

A run is a folder. The same command again goes on where it stopped, bit for bit on one process:
every random number comes from a stream named by seed and sample, so that weights, averages,
optimiser and step are all that has to be kept. For the same reason it does not matter how many
processes share a step's samples, but for the order of sums.
"""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import time
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.fsdp import MixedPrecisionPolicy

from baselines.dit4sr.field import Network
from benchmarks.api.errors import ConfigError, MFSRBenchError, WeightsCorruptError
from benchmarks.api.images import first_line, show
from mfsr.training.checkpoint import Checkpoint, checkpoints, load_checkpoint, save_checkpoint
from mfsr.training.ema import EMA
from mfsr.training.order import Numbers, Sample, batches, check_enough
from mfsr.training.settings import StepReport, TrainerConfig
from mfsr.training.tasks import Streams, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from torch.utils.data import Dataset
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)

_FULL = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
_PUT = StateDictOptions(full_state_dict=True, broadcast_from_rank0=False, strict=False)


class Trainer:
    """Trains a task in a run folder."""

    def __init__(
        self,
        config: TrainerConfig,
        task: Task,
        data: Dataset[Sample],
        run: Path,
        *,
        accelerator: Accelerator,
        workers: int = 0,
    ) -> None:
        self.config, self.task, self.data, self.run = config, task, data, run
        self.workers = workers
        self.accelerator = accelerator
        check_enough(data, config.batch * self.accelerator.num_processes)
        task.to(self.accelerator.device)
        task.sharded = accelerator.distributed_type == DistributedType.FSDP
        if task.sharded and config.ema:
            raise ConfigError(
                "An average of the weights is not kept under FSDP.",
                "Use a recipe with ema 0, or DDP.",
            )
        if task.sharded:
            _shard_as_it_is(accelerator)
            for parameter in task.module.parameters():  # FSDP2 takes no other layout
                parameter.data = parameter.data.contiguous()
        if config.gradient_checkpointing:
            for module in task.module.modules():
                if isinstance(module, Network):
                    module.enable_gradient_checkpointing()
        trained = [p for p in task.module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trained,
            lr=config.learning_rate,
            betas=config.betas,
            eps=config.eps,
            weight_decay=config.weight_decay,
        )
        self.model, self.optimizer = self.accelerator.prepare(task.module, optimizer)
        self.ema = EMA(self._named(), config.ema) if config.ema else None
        self.step = 0
        self._writer: SummaryWriter | None = None

    def _named(self) -> list[tuple[str, nn.Parameter]]:
        return [(n, p) for n, p in self.task.module.named_parameters() if p.requires_grad]

    def fit(self, report: Callable[[StepReport], None] = lambda _: None) -> None:
        """Train to the last step, from the newest checkpoint if there is one.

        Raises:
            MFSRBenchError: the loss is not finite. The last good checkpoint is kept.
        """
        self.resume()
        config = self.config
        stream = self._batches()
        pace = 0.0
        while self.step < config.steps:
            start = time.perf_counter()
            loss, scalars = self._step(stream)
            self.step += 1
            seconds = time.perf_counter() - start
            pace = seconds if not pace else 0.95 * pace + 0.05 * seconds
            left = pace * (config.steps - self.step)
            progress = StepReport(
                step=self.step,
                steps=config.steps,
                loss=loss,
                scalars=scalars,
                seconds=seconds,
                seconds_left=left,
            )
            self._log(progress)
            report(progress)
            if self.step % config.checkpoint_every == 0 or self.step == config.steps:
                self.save()
        if self._writer:
            self._writer.close()

    def _batches(self) -> Iterator[Sample]:
        ranks = self.accelerator
        first = self.step * self.config.accumulate
        numbers = Numbers(
            batch=self.config.batch,
            rank=ranks.process_index,
            ranks=ranks.num_processes,
            first=first,
        )
        return batches(self.data, numbers, workers=self.workers)

    def _step(self, stream: Iterator[Sample]) -> tuple[float, dict[str, float]]:
        """Take one optimiser step; return the mean loss and scalars over all processes."""
        config, accelerator = self.config, self.accelerator
        totals: dict[str, list[Tensor]] = {}
        self.model.train()
        for part in range(config.accumulate):
            micro = self.step * config.accumulate + part
            streams = Streams(config.seed, micro, accelerator.process_index)
            last = part == config.accumulate - 1
            with contextlib.nullcontext() if last else accelerator.no_sync(self.model):
                with accelerator.autocast():
                    loss, scalars = self.task.loss(self.model, next(stream), streams, self.step)
                accelerator.backward(loss / config.accumulate)
            for name, value in {"loss": loss.detach(), **scalars}.items():
                totals.setdefault(name, []).append(value.float())
        means = self._reduced(totals)
        self._check_finite(means["loss"])
        norm = accelerator.clip_grad_norm_(self.model.parameters(), config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(self.step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.ema:
            self.ema.update(self._named())
        means["gradient_norm"] = float(norm) if norm is not None else math.nan
        means["learning_rate"] = config.learning_rate_at(self.step)
        return means.pop("loss"), means

    def _reduced(self, totals: Mapping[str, list[Tensor]]) -> dict[str, float]:
        """Return means over micro-batches and processes; of scalars, over those that have one."""
        device = self.accelerator.device
        stacked = torch.stack([torch.stack(parts).to(device) for parts in totals.values()], dim=1)
        gathered = self.accelerator.gather(stacked).cpu()  # (processes * micro-batches, scalars)
        means = dict(zip(totals, gathered.nanmean(0).tolist(), strict=True))
        return {**means, "loss": gathered[:, list(totals).index("loss")].mean().item()}

    def _check_finite(self, loss: float) -> None:
        if math.isfinite(loss):
            return
        kept = checkpoints(self.run)
        where = kept[-1].name if kept else "none yet"
        raise MFSRBenchError(
            f"The loss of step {self.step + 1} is {loss}. Last good checkpoint: {where}.",
            "Lower the learning rate, or use bf16 or fp32 instead of fp16, in a new --out.",
        )

    def _log(self, progress: StepReport) -> None:
        config = self.config
        if not self.accelerator.is_main_process:
            return
        if progress.step % config.log_every == 0:
            writer = self._tensorboard()
            writer.add_scalar("loss", progress.loss, progress.step)
            writer.add_scalar("seconds_per_step", progress.seconds, progress.step)
            for name, value in progress.scalars.items():
                if math.isfinite(value):
                    writer.add_scalar(name, value, progress.step)
        if config.sample_every and progress.step % config.sample_every == 0:
            self._show_samples()

    def _tensorboard(self) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.run / "log"), purge_step=self.step)
        return self._writer

    def _show_samples(self) -> None:
        """Log enlarged LR, restored and HR images of the first samples, side by side."""
        batch = next(batches(self.data, Numbers(batch=4, rank=0, ranks=1, first=0), workers=0))
        if "hr" not in batch:
            return
        streams = Streams(self.config.seed, 0, 0)
        averaged = self.ema.applied(self._named()) if self.ema else contextlib.nullcontext()
        self.task.module.eval()
        with averaged, self.accelerator.autocast():
            sr = self.task.preview(batch, streams).float().cpu().clamp(0, 1)
        rows = torch.cat([batch["lr_up"], sr, batch["hr"]], dim=3)
        self._tensorboard().add_images("lr, sr, hr", rows, self.step)

    def averaged(self) -> dict[str, Tensor]:
        """Return the trained parameters, averaged where there is an average."""
        return dict(self.ema.shadow) if self.ema else dict(self._state()[0])

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        model: dict[str, Any] = get_model_state_dict(self.model, options=_FULL)
        optimizer = get_optimizer_state_dict(self.model, self.optimizer.optimizer, options=_FULL)
        return _without_wrapper(model), optimizer

    def save(self) -> None:
        """Write a checkpoint of the step that is done."""
        model, optimizer = self._state()
        scaler = self.accelerator.scaler
        if self.accelerator.is_main_process:
            checkpoint = Checkpoint(
                step=self.step,
                model=model,
                optimizer=optimizer,
                ema=self.ema.state() if self.ema else {},
                scaler=scaler.state_dict() if scaler else {},
            )
            save_checkpoint(self.run, checkpoint, keep=self.config.keep)
        self.accelerator.wait_for_everyone()

    def resume(self) -> None:
        """Go on from the newest checkpoint of the run folder, if there is one."""
        if self.accelerator.is_main_process:
            for stale in (self.run / "checkpoints").glob(".writing-*"):
                shutil.rmtree(stale, ignore_errors=True)
        found = checkpoints(self.run)
        if not found:
            return
        checkpoint = load_checkpoint(found[-1])
        try:
            self._put(checkpoint)
        except torch.OutOfMemoryError:
            raise
        # What the libraries answer another run's or a damaged state with.
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise WeightsCorruptError(
                f"The checkpoint {show(found[-1])} is not of this run, or damaged: "
                f"{type(error).__name__}: {first_line(error)}",
                "Delete it and repeat the command: it goes on from the one before.",
            ) from error
        logger.info("resumed at step %d", self.step)

    def _put(self, checkpoint: Checkpoint) -> None:
        _check_whole(checkpoint)
        set_model_state_dict(self.model, dict(checkpoint.model), options=_PUT)
        set_optimizer_state_dict(
            self.model, self.optimizer.optimizer, dict(checkpoint.optimizer), options=_PUT
        )
        if self.ema:
            self.ema.load(checkpoint.ema)
        if self.accelerator.scaler and checkpoint.scaler:
            self.accelerator.scaler.load_state_dict(dict(checkpoint.scaler))
        self.step = checkpoint.step


def _check_whole(checkpoint: Checkpoint) -> None:
    """Raise KeyError where a tensor is missing that torch, which puts parts too, would not miss."""
    missing = checkpoint.ema.keys() - checkpoint.model.keys() - {"updates"}
    if missing:
        raise KeyError(min(missing))
    state = checkpoint.optimizer["state"]
    kinds = {kind for values in state.values() for kind in values}
    for name, values in state.items():
        if kinds - values.keys():
            raise KeyError(f"{min(kinds - values.keys())} of {name}")


def _shard_as_it_is(accelerator: Accelerator) -> None:
    """Let autocast alone choose dtypes under FSDP2, as it does without.

    accelerate's policy would also cast what goes into the network, times among it, which bfloat16
    holds to three digits, and sum the gradients in bfloat16.

    Raises:
        ConfigError: it is the first FSDP, which cannot be called inside a derivative.
    """
    plugin: Any = accelerator.state.fsdp_plugin
    if plugin.fsdp_version != 2:
        raise ConfigError(
            "Training is sharded by FSDP2, and the launch file asks for the first FSDP.",
            "Say fsdp_version: 2 there, or give accelerate launch --fsdp_version 2.",
        )
    plugin.mixed_precision_policy = MixedPrecisionPolicy(cast_forward_inputs=False)


def _without_wrapper(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}
