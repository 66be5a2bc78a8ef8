from __future__ import annotations

import re
from pathlib import Path

import pytest

from baselines.adcsr.restorer import AdcSR
from baselines.blip.extractor import BLIPCaption
from baselines.ctmsr.restorer import CTMSR
from baselines.diffbir.restorer import DiffBIR
from baselines.dit4sr.restorer import DiT4SRReleased
from baselines.flowsr.restorer import FlowSR
from baselines.hypir.restorer import HYPIR
from baselines.invsr.restorer import InvSR
from baselines.llava.extractor import LLaVACaption
from baselines.oftsr.restorer import OFTSR, OFTSRTeacher
from baselines.osediff.restorer import OSEDiff
from baselines.pasd.restorer import PASD
from baselines.pisasr.restorer import PiSASR
from baselines.resshift import cards as resshift
from baselines.s3diff.restorer import S3Diff
from baselines.seesr.addsr import AddSR
from baselines.seesr.restorer import SeeSR
from baselines.smfsr.restorer import SMFSR
from baselines.spandrel import cards as spandrel
from baselines.stablesr.restorer import StableSR
from baselines.supir.restorer import SUPIR
from baselines.tagger.extractor import DAPETags, RAMTags
from baselines.tsdsr.restorer import TSDSR, TSDSRMSE
from benchmarks.api.card import MethodCard
from benchmarks.api.prompts import PromptCard

ROOT = Path(__file__).parents[2]
CARDS = {
    "adcsr": AdcSR.card,
    "blip": BLIPCaption.card,
    "ctmsr": CTMSR.card,
    "diffbir": DiffBIR.card,
    "dit4sr": DiT4SRReleased.card,
    "flowsr": FlowSR.card,
    "invsr": InvSR.card,
    "hypir": HYPIR.card,
    "llava": LLaVACaption.card,
    "oftsr": OFTSR.card,
    "oftsr/teacher": OFTSRTeacher.card,
    "osediff": OSEDiff.card,
    "pasd": PASD.card,
    "pisasr": PiSASR.card,
    "resshift/v1": resshift.RESSHIFT,
    "resshift/v2": resshift.RESSHIFT_V2,
    "resshift/v3": resshift.RESSHIFT_V3,
    "resshift/sinsr": resshift.SINSR,
    "resshift/sinsr-v2": resshift.SINSR_V2,
    "s3diff": S3Diff.card,
    "spandrel/realesrgan": spandrel.REAL_ESRGAN,
    "spandrel/bsrgan": spandrel.BSRGAN,
    "spandrel/swinir-gan": spandrel.SWINIR_GAN,
    "spandrel/swinir-gan-large": spandrel.SWINIR_GAN_LARGE,
    "spandrel/swinir": spandrel.SWINIR,
    "spandrel/ldl": spandrel.LDL,
    "spandrel/hat": spandrel.HAT,
    "seesr": SeeSR.card,
    "seesr/addsr": AddSR.card,
    "smfsr": SMFSR.card,
    "stablesr": StableSR.card,
    "supir": SUPIR.card,
    "tagger/ram": RAMTags.card,
    "tagger/dape": DAPETags.card,
    "tsdsr": TSDSR.card,
    "tsdsr/mse": TSDSRMSE.card,
}


@pytest.mark.parametrize("room", CARDS)
def test_the_page_of_a_room_says_what_its_card_says(room: str) -> None:
    card: MethodCard | PromptCard = CARDS[room]
    page = (ROOT / "baselines" / room.partition("/")[0] / "UPSTREAM.md").read_text()
    assert card.upstream
    assert card.upstream.commit in page
    assert card.upstream.repo in page
    for weight in card.weights:
        if weight.name.endswith((".pkl", ".pth", ".pt", ".safetensors")):
            assert weight.name in page


@pytest.mark.parametrize("room", CARDS)
def test_the_paper_is_in_the_bibliography(room: str) -> None:
    paper = CARDS[room].paper
    assert paper
    entries = (ROOT / "docs/references.bib").read_text()
    (entry,) = re.findall(rf"@\w+{{{paper.bibkey},.*?\n}}", entries, re.DOTALL)
    title = re.search(r"title\s*= {(.*)},", entry)
    assert title
    assert re.sub("[{}]", "", title.group(1)) == paper.title
