"""What tools/results/run measures: one Part is one `relprop evaluate` a network, the source of the cells of a table.

To add a table add a Part; to add a row to one add a method to it. What is measured already is not measured again.
"""
from dataclasses import dataclass

ALL = ("squeezenet1.1", "resnet18", "googlenet", "mobilenet_v2", "resnet50")
RESIDUAL = ("resnet18", "mobilenet_v2", "resnet50")  # those with additions

# The columns of table 1 of Nam et al., AAAI 2020, but those that need more work a picture (IG) or a file (patterns). Its
# gradient has one figure for both rows, so it is one of magnitudes.
PAPER = ("rap", "lrp-alpha1beta0", "lrp-alpha2beta1", "gradient:sign=abs", "gradient", "input-x-gradient",
         "guided-backprop")
PRESETS = ("rap-signed", "grad-cam", "epsilon-plus-flat", "epsilon-gamma-box", "lrp-resnet", "random")
GAMMAS = ("0.1", "0.25", "0.5", "1")

# Choices at additions, for the methods that have them.
AT_ADDITIONS = (tuple(f"rap:residual=gamma:{g}" for g in GAMMAS) + ("rap:residual=symmetric",) +
                tuple(f"{m}:residual={r}" for m in ("lrp-zplus", "epsilon-plus-flat", "epsilon-gamma-box")
                      for r in ("ratio", "gamma:0.25")) +
                ("lrp-resnet:quantize=0", "lrp-resnet:residual=gamma:0.25"))

TABLE_1 = ("outside-inside", "relevance-mass", "auc", "map", "pointing-game")
SEGMENTATION = ("pixel-accuracy", "miou", "miou:threshold=best")
RANKED = ("rap", "lrp-alpha1beta0", "lrp-alpha2beta1", "epsilon-plus-flat", "epsilon-gamma-box", "lrp-resnet", "gradient",
          "input-x-gradient", "guided-backprop", "grad-cam", "random")
CAMS = ("grad-cam++", "layer-cam", "hires-cam", "xgrad-cam", "eigen-cam", "excitation-backprop",
        "contrastive-excitation-backprop")
CORRECT = ("--only-correct",)
PREDICTED = ("--target", "predicted")  # VOC's classes are not the networks'
ID = ("lrp-resnet", "lrp-resnet:residual=symmetric", "lrp-resnet:identity_skip=off",
      "lrp-resnet:residual=symmetric,identity_skip=off", "lrp-resnet:quantize=0", "rap", "guided-backprop", "grad-cam")
ID_MAIN = ID[:3] + ("rap", "grad-cam")
ID_MORE = tuple(m for m in ID if m not in ID_MAIN) + ("lrp-0", "integrated-gradients:steps=20")
# What others published for single networks, and ours beside it.
PUBLISHED_SRG = ("epsilon-plus-flat", "gradient:sign=abs", "gradient", "integrated-gradients:steps=20", "random", "rap",
                 "lrp-resnet", "grad-cam")
PUBLISHED_INSERTION = ("input-x-gradient", "guided-backprop", "integrated-gradients:steps=20", "fullgrad", "guided-ig",
                       "rap", "lrp-resnet", "grad-cam")

# Variants of rap, of which tools/results/choose picks one; those at additions are rap itself in other networks.
VARIANTS = ("rap", "rap-signed", "rap-summary", "rap:first=flat", "rap:bounds=range", "rap:maxpool=average", "rap:shifts=4")
VARIANTS_AT_ADDITIONS = ("rap:residual=symmetric", "rap:residual=gamma:0.1", "rap:residual=gamma:0.25",
                         "rap:residual=gamma:0.5", "rap-signed:residual=gamma:0.25")

# Metrics that ask the network for perturbed pictures: its precision is a part of their names in a store.
ASK_THE_NETWORK = ("insertion", "deletion", "id-score", "region-perturbation", "negative-perturbation", "srg", "road",
                   "average-drop", "sensitivity-n", "infidelity", "completeness")


@dataclass(frozen=True)
class Part:
    name: str
    says: str
    networks: tuple
    data: str       # imagenet, voc or cub
    methods: tuple
    metrics: tuple
    options: tuple = CORRECT
    limit: int = 0  # pictures, where the whole set would take days
    patterns: bool = False  # estimated first, from the pictures of the data set

    def option(self, name, fallback):
        return self.options[self.options.index(name) + 1] if name in self.options else fallback

    def protocol(self, metric):
        """One of its metrics as the store names it, but for what it does not say."""
        if self.option("--metric-precision", "f32") == "f32" or metric.partition(":")[0] not in ASK_THE_NETWORK:
            return metric
        return metric + ("," if ":" in metric else ":") + "precision=bf16"

    @property
    def target(self):
        """What of a picture is explained, as the store names it."""
        return self.option("--target", "true") + ("+correct" if "--only-correct" in self.options else "")


def store_of(work, network, data):
    """Birds have a store of their own: the scores of one metric in one store are of one kind of photos."""
    return work / (f"{network}.cub.db" if data == "cub" else f"{network}.db")


PARTS = (
    Part("rap-table", "RAP, table 1: outside-inside ratio", ALL, "imagenet", PAPER + PRESETS, TABLE_1),
    Part("additions", "the same, choices at additions", RESIDUAL, "imagenet", AT_ADDITIONS, TABLE_1),
    Part("segmentation", "RAP, table 1: pixel accuracy and mIOU", ALL, "voc", PAPER + PRESETS, SEGMENTATION, PREDICTED),
    Part("cub", "birds with boxes, the class that is predicted", ALL, "cub", PAPER + PRESETS, TABLE_1, PREDICTED),
    Part("srg", "symmetric relevance gain", ("squeezenet1.1", "resnet18"), "imagenet", RANKED, ("srg",), CORRECT, 240),
    Part("srg-published", "Blücher et al., TMLR 2024: symmetric relevance gain of ResNet-50", ("resnet50",), "imagenet",
         PUBLISHED_SRG, ("srg",), CORRECT, 140),
    Part("insertion-published", "insertion from the blurred and deletion of ResNet-18, in steps of 2,240 pixels", ("resnet18",),
         "imagenet", PUBLISHED_INSERTION, ("id-score:step=2240",), CORRECT, 150),
    Part("road", "ROAD", ("squeezenet1.1", "resnet18"), "imagenet", RANKED, ("road",), CORRECT, 180),
    Part("variants", "a better RAP: outside-inside ratio", ALL, "imagenet", VARIANTS, TABLE_1, CORRECT, 240),
    Part("variants-additions", "the same, at additions", RESIDUAL, "imagenet", VARIANTS_AT_ADDITIONS, TABLE_1, CORRECT, 240),
    Part("variants-voc", "a better RAP: mIOU", ALL, "voc", VARIANTS, SEGMENTATION, PREDICTED),
    Part("variants-voc-additions", "the same, at additions", RESIDUAL, "voc", VARIANTS_AT_ADDITIONS, SEGMENTATION, PREDICTED),
    Part("variants-srg", "a better RAP: symmetric relevance gain", ("squeezenet1.1", "resnet18"), "imagenet", VARIANTS,
         ("srg",), CORRECT, 240),
    Part("variants-srg-additions", "the same, at additions", ("resnet18",), "imagenet", VARIANTS_AT_ADDITIONS, ("srg",),
         CORRECT, 240),
    Part("variants-id", "the same: id score", RESIDUAL, "imagenet", ("rap",) + VARIANTS_AT_ADDITIONS[2:4],
         ("id-score:profile=lrp-resnet",), (), 100),
    Part("cam", "class activation maps and excitation backprop", ("squeezenet1.1", "resnet18", "resnet50"), "imagenet", CAMS,
         TABLE_1),
    Part("grid", "grid pointing game, 2x2 and 3x3", ("squeezenet1.1", "resnet18"), "imagenet", RANKED + CAMS,
         ("grid-pointing-game", "grid-pointing-game:cells=3"), CORRECT, 260),
    Part("id", "LRP for ResNets, table 1 and its ablation", ("resnet18",), "imagenet", ID_MAIN,
         ("id-score:profile=lrp-resnet",), (), 300),
    Part("id-resnet50", "the same on ResNet-50", ("resnet50",), "imagenet", ID_MAIN, ("id-score:profile=lrp-resnet",), (), 100),
    Part("id-more", "the same, its other rows", ("resnet18",), "imagenet", ID_MORE, ("id-score:profile=lrp-resnet",), (), 100),
    Part("rap-table-ig", "RAP, table 1: integrated gradients", ALL, "imagenet", ("integrated-gradients:steps=20",),
         TABLE_1, CORRECT, 160),
    Part("rap-table-patterns", "RAP, table 1: PatternAttribution", ("squeezenet1.1", "googlenet", "resnet18", "resnet50"),
         "imagenet", ("pattern-attribution",), TABLE_1, CORRECT, 0, True),
    Part("rap-figure-7", "RAP, figure 7: perturbation of what is least relevant", ALL,
         "imagenet", PAPER + ("grad-cam", "rap-signed"), ("negative-perturbation",), CORRECT, 180),
    Part("id-bf16", "the same on ResNet-50, the network asked in bfloat16", ("resnet50",), "imagenet", ID,
         ("id-score:profile=lrp-resnet",), ("--metric-precision", "bf16"), 100),
    Part("id-rise", "Score-CAM and RISE in the table of LRP for ResNets", ("resnet18",), "imagenet",
         ("score-cam", "rise"), ("id-score:profile=lrp-resnet",), (), 20),
)


def named(name):
    return next(part for part in PARTS if part.name == name)
