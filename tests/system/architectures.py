"""Compares the GPU engine with the CPU engine on public architectures with seeded random weights.

    pip install torch torchvision open_clip_torch timm numpy onnx
    python tests/system/architectures.py target/debug/figureground [NAME...]

Exports each network to ONNX and runs it by `figureground infer --backend gpu --compare`. Ends with 1 if a network is
refused or differs by more than 1e-4 of its largest number.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import open_clip
import torch
from torch import nn
from torch.nn import functional
from torchvision import models
from torchvision.models import segmentation

from networks import MODNet, PPHumanSeg, SINet, U2Netp

TOLERANCE = 1e-4


class Logits(nn.Module):
    """A segmentation network with only the output for the mask."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network(pixels)["out"]


class Embedding(nn.Module):
    """The image tower of a CLIP pair."""

    def __init__(self, pair):
        super().__init__()
        self.pair = pair

    def forward(self, pixels):
        return self.pair.encode_image(pixels)


class Unusual(nn.Module):
    """Operators that no network here has but small segmenters do: PReLU, instance norm, grouped and transposed
    convolutions, aligned corners, and pools that round up."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.PReLU(16, 0.1), nn.InstanceNorm2d(16, affine=True))
        self.groups = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1, groups=2), nn.PReLU(32, -0.2))
        self.up = nn.ConvTranspose2d(32, 8, 3, 2, 1, 1, groups=4)
        self.last = nn.Conv2d(8, 2, 1)
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, pixels):
        def resized(x, size):
            return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)

        fine = self.first(pixels)
        coarse = self.up(self.groups(fine))
        joined = coarse + resized(self.pool(fine[:, :8]), coarse.shape[2:])
        mask = resized(self.last(joined), pixels.shape[2:])
        return torch.softmax(mask * torch.sigmoid(mask.mean((2, 3), keepdim=True)), 1)


NETWORKS = {
    "lraspp": (lambda: Logits(segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)), 160),
    "deeplabv3": (lambda: Logits(segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None)), 160),
    "mobilenet_v2": (lambda: models.mobilenet_v2(weights=None), 96),
    "shufflenet": (lambda: models.shufflenet_v2_x0_5(weights=None), 96),
    "efficientnet": (lambda: models.efficientnet_b0(weights=None), 96),
    "convnext": (lambda: models.convnext_tiny(weights=None), 96),
    "swin": (lambda: models.swin_t(weights=None), 96),
    "mobileclip-s1": (lambda: Embedding(open_clip.create_model("MobileCLIP-S1")), 256),
    "unusual": (Unusual, 102),
    "u2netp": (U2Netp, 90),
    "modnet": (MODNet, 96),
    "sinet": (SINet, 96),
    "pp-humanseg": (PPHumanSeg, 96),
}


def randomised(network):
    """Gives norms random statistics, so that none is the identity."""
    for module in network.eval().modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def compare(program, name, make, side):
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"{name}.onnx"
        torch.onnx.export(randomised(make()), torch.randn(1, 3, side, side), path, opset_version=17, dynamo=False)
        command = [program, "infer", path, "--backend", "gpu", "--compare"]
        ended = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"by at most \S+, (\S+) of", ended.stdout)
    print(f"{name}: {found.group(1) if found else ended.stderr.strip().splitlines()[-1]}", flush=True)
    return found is not None and float(found.group(1)) <= TOLERANCE


def main(program, *names):
    warnings.filterwarnings("ignore")
    right = [compare(program, name, *NETWORKS[name]) for name in names or NETWORKS]
    return int(not all(right))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
