"""Small person segmenters that no package has, written after their papers, with random weights.

Their ONNX graphs have the operators, sizes and connections of the originals. They are for tests only.
"""

import torch
from torch import nn
from torch.nn import functional


def resized(x, size, aligned=False):
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=aligned)


class Rectified(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs, outputs, dilation=1, kernel=3, stride=1, groups=1):
        padding = dilation * (kernel // 2)
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups)
        super().__init__(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """RSU-L of U2-Net: a U of `depth` stages inside one block; `flat` with dilations in place of pools (RSU-4F)."""

    def __init__(self, depth, inputs, middle, outputs, flat=False):
        super().__init__()
        self.flat = flat
        self.enter = Rectified(inputs, outputs)
        dilation = (lambda i: 2**i) if flat else (lambda i: 1)
        down = [Rectified(outputs if i == 0 else middle, middle, dilation(i)) for i in range(depth - 1)]
        self.down = nn.ModuleList(down)
        self.bottom = Rectified(middle, middle, 2 ** (depth - 1) if flat else 2)
        up = [Rectified(2 * middle, outputs if i == 0 else middle, dilation(i)) for i in range(depth - 1)]
        self.up = nn.ModuleList(up)
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, x):
        entered = self.enter(x)
        kept, x = [], entered
        for stage, down in enumerate(self.down):
            x = down(x if stage == 0 or self.flat else self.pool(x))
            kept.append(x)
        x = self.bottom(x)
        for up, beside in zip(reversed(self.up), reversed(kept)):
            x = up(torch.cat((resized(x, beside.shape[2:]), beside), 1))
        return x + entered


class U2Netp(nn.Module):
    """U2-Net's small form: six nested encoders, five decoders, six masks and their fusion."""

    def __init__(self):
        super().__init__()
        shapes = [(7, 3), (6, 64), (5, 64), (4, 64), (4, 64), (4, 64)]
        self.encoders = nn.ModuleList(Residual(d, c, 16, 64, i > 3) for i, (d, c) in enumerate(shapes))
        decoders = (Residual(d, 128, 16, 64, i == 4) for i, d in enumerate([7, 6, 5, 4, 4]))
        self.decoders = nn.ModuleList(decoders)
        self.sides = nn.ModuleList(nn.Conv2d(64, 1, 3, padding=1) for _ in range(6))
        self.fuse = nn.Conv2d(6, 1, 1)
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, pixels):
        kept, x = [], pixels
        for stage, encoder in enumerate(self.encoders):
            x = encoder(x if stage == 0 else self.pool(x))
            kept.append(x)
        made = [kept.pop()]
        for decoder, beside in zip(reversed(self.decoders), reversed(kept)):
            made.append(decoder(torch.cat((resized(made[-1], beside.shape[2:]), beside), 1)))
        masks = [resized(side(x), pixels.shape[2:]) for side, x in zip(self.sides, reversed(made))]
        return torch.sigmoid(self.fuse(torch.cat(masks, 1)))


class SplitNorm(nn.Module):
    """MODNet's IBNorm: batch norm on one half of the channels, instance norm on the other."""

    def __init__(self, channels):
        super().__init__()
        self.half = channels // 2
        self.batch = nn.BatchNorm2d(self.half)
        self.instance = nn.InstanceNorm2d(channels - self.half)

    def forward(self, x):
        return torch.cat((self.batch(x[:, : self.half]), self.instance(x[:, self.half :].contiguous())), 1)


class Split(nn.Sequential):
    """Convolution, split norm, ReLU."""

    def __init__(self, inputs, outputs, kernel=3, stride=1):
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
        super().__init__(convolution, SplitNorm(outputs), nn.ReLU())


class Excitation(nn.Module):
    """Squeeze and excitation through linear layers."""

    def __init__(self, channels):
        super().__init__()
        layers = (nn.Linear(channels, channels // 4, False), nn.ReLU(), nn.Linear(channels // 4, channels, False))
        self.layers = nn.Sequential(*layers, nn.Sigmoid())

    def forward(self, x):
        return x * self.layers(x.mean((2, 3)))[:, :, None, None].expand_as(x)


class Inverted(nn.Module):
    """MobileNet v2's block."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        middle = inputs * expansion
        layers = [Rectified(inputs, middle, kernel=1)] if expansion > 1 else []
        layers += [Rectified(middle, middle, stride=stride, groups=middle)]
        layers += [nn.Conv2d(middle, outputs, 1), nn.BatchNorm2d(outputs)]
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class MODNet(nn.Module):
    """A semantic, a detail and a fusion branch over MobileNet v2."""

    def __init__(self):
        super().__init__()
        stages, inputs = [], 32
        self.stem = Rectified(3, 32, stride=2)
        for expansion, outputs, count, stride in [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 96, 4, 2),
            (6, 320, 2, 2),
        ]:
            blocks = []
            for block in range(count):
                blocks.append(Inverted(inputs, outputs, stride if block == 0 else 1, expansion))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.excite = Excitation(320)
        self.coarse = nn.Sequential(
            Split(320, 96, 5), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        )
        self.semantic = nn.Sequential(
            Split(96, 32, 5), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        )
        self.detail_2, self.detail_4 = Split(16, 32, 1), Split(24, 32, 1)
        self.detail = nn.Sequential(Split(32 + 32 + 3, 64, stride=2), Split(64, 32))
        self.join = nn.Sequential(Split(64 + 3, 32), Split(32, 16), nn.Conv2d(16, 1, 1))

    def forward(self, pixels):
        kept, x = [], self.stem(pixels)
        for stage in self.stages:
            x = stage(x)
            kept.append(x)
        semantic = self.semantic(self.coarse(self.excite(x)))
        quarter = resized(pixels, kept[1].shape[2:])
        half = resized(pixels, kept[0].shape[2:])
        fine = self.detail_2(kept[0])
        detail = torch.cat((fine, resized(self.detail_4(kept[1]), fine.shape[2:]), half), 1)
        detail = self.detail(detail)
        size = detail.shape[2:]
        joined = self.join(torch.cat((detail, resized(semantic, size), resized(quarter, size)), 1))
        return torch.sigmoid(resized(joined, pixels.shape[2:]))


class Squeezed(nn.Module):
    """SINet's S-block: pooled, convolved depthwise, resized back with aligned corners."""

    def __init__(self, inputs, outputs, kernel, pool):
        super().__init__()
        self.pool = nn.AvgPool2d(pool) if pool > 1 else nn.Identity()
        depthwise = nn.Conv2d(inputs, inputs, kernel, 1, kernel // 2, groups=inputs, bias=False)
        self.layers = nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.PReLU(inputs))
        self.point = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.point(resized(self.layers(self.pool(x)), x.shape[2:], aligned=True))


class Shuffled(nn.Module):
    """SINet's S2-module: two squeezed branches over half the channels each, after a channel shuffle."""

    def __init__(self, inputs, outputs, branches):
        super().__init__()
        half = outputs // 2
        self.half = half
        self.reduce = nn.Conv2d(inputs, half, 1, groups=2, bias=False)
        self.branches = nn.ModuleList(Squeezed(half, half, *branch) for branch in branches)
        self.end = nn.Sequential(nn.BatchNorm2d(outputs), nn.PReLU(outputs))
        self.residual = inputs == outputs

    def forward(self, x):
        batch, _, height, width = x.shape
        mixed = self.reduce(x).reshape(batch, 2, self.half // 2, height, width).transpose(1, 2)
        mixed = mixed.reshape(batch, self.half, height, width)
        made = torch.cat([branch(mixed) for branch in self.branches], 1)
        return self.end(made + x if self.residual else made)


class SINet(nn.Module):
    """An encoder of S2-modules, and a decoder that uses fine features only where the coarse mask is uncertain."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.PReLU(12))
        self.second = nn.Sequential(nn.Conv2d(12, 16, 3, 2, 1, groups=2), nn.BatchNorm2d(16), nn.PReLU(16))
        self.shuffled = nn.Sequential(Shuffled(16, 48, [(3, 1), (5, 1)]), Shuffled(48, 48, [(3, 1), (3, 1)]))
        self.third = nn.Sequential(nn.Conv2d(48, 64, 3, 2, 1), nn.BatchNorm2d(64), nn.PReLU(64))
        branches = [[(3, 1), (5, 1)], [(5, 2), (3, 4)], [(3, 1), (5, 2)], [(5, 1), (3, 2)]]
        self.deep = nn.Sequential(*(Shuffled(64, 64, pair) for pair in branches))
        self.classify = nn.Conv2d(64, 2, 1, bias=False)
        self.fine = nn.Conv2d(48, 2, 1, bias=False)
        self.last = nn.ConvTranspose2d(2, 2, 2, 2, bias=False)

    def forward(self, pixels):
        middle = self.shuffled(self.second(self.first(pixels)))
        coarse = resized(self.classify(self.deep(self.third(middle))), middle.shape[2:], aligned=True)
        unsure = 1 - torch.softmax(coarse, 1).max(1, keepdim=True).values
        fine = torch.where(unsure > 0.05, self.fine(middle) * unsure, torch.zeros(()))
        return resized(self.last(fine + coarse), pixels.shape[2:], aligned=True)


class Separable(nn.Sequential):
    """Depthwise, then pointwise convolution, each with batch norm and ReLU."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__(Rectified(inputs, inputs, stride=stride, groups=inputs), Rectified(inputs, outputs, kernel=1))


class PPHumanSeg(nn.Module):
    """PP-HumanSeg's small form: separable convolutions beside pools on the way down, shortcuts on the way up."""

    def __init__(self):
        super().__init__()
        self.first, self.narrow = Rectified(3, 36, stride=2), Rectified(36, 18, kernel=1)
        self.down = nn.ModuleList([Separable(18, 36, 2), Separable(54, 72, 2), Separable(126, 128, 2)])
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.middle = nn.Sequential(Separable(254, 128), Separable(128, 128))
        self.up = nn.ModuleList([Separable(128 + 126, 64), Separable(64 + 54, 64), Separable(64 + 18, 64)])
        self.last = nn.ConvTranspose2d(64, 2, 2, 2)

    def forward(self, pixels):
        x = self.narrow(self.first(pixels))
        kept = []
        for down in self.down:
            kept.append(x)
            x = torch.cat((down(x), self.pool(x)), 1)
        x = self.middle(x)
        for up, beside in zip(self.up, reversed(kept)):
            x = up(torch.cat((resized(x, beside.shape[2:]), beside), 1))
        return torch.softmax(self.last(x), 1)
