"""Words of the field that stand on pages, each with one plain sentence; methods, features and numbers explain
themselves.
"""

from datasel_core.base import registry
from datasel_core.base.role import EMBEDDING

TERMS = {
    "Data": {
        "pool": "All the samples that a choice is made from: photos, texts, facts, pictures with captions, vectors.",
        "sample": "One item of a pool: a photo, a text, a pair, a vector.",
        "id": "The name by which a sample is known here and in every file that leaves. It never changes.",
        "group": "What a sample belongs to, by a column or a folder: a class, a source, a video, a patient.",
        "fact": "A question with its answer, such as who made a picture. It may stand in many rows and wordings.",
        "exposure": "One time that a fact stands in the data. A model has to meet a fact often to know it by heart.",
        "wording": "One of several ways to ask for the same fact. Who knows it in one may not know it in another.",
        "relation": "What a fact says of a thing, such as its maker or its year; its answers are of one kind.",
        "feature": "Anything that was computed or imported for every sample, such as an embedding or a loss.",
        EMBEDDING.name: "A list of numbers for a sample, made by a model, so that what is alike lies near each other.",
        "pattern": "One of several lists of numbers for a photo, one for each thing that it shows.",
        "patch": "One of the small squares that a photo is cut into; patterns are made of patches that look alike.",
        "encoder": "The model, or the recipe, that turns samples into embeddings or patterns.",
        "near-duplicate": "A sample that nearly repeats another one: the next frame, a crop, the same text with one "
        "word changed.",
    },
    "Choosing": {
        "method": "A way to choose: by coverage, by a score, towards a target, or at random.",
        "budget": "How many samples are to be kept, as a number or as a share of the pool.",
        "kept and dropped": "The two sides of a choice. Dropped samples stay where they are; nothing is deleted.",
        "selection": "What was kept, in the order in which it was chosen, with the reason for each.",
        "coverage": "How near the samples of a pool are to the nearest kept one. Nearer is better.",
        "score": "One number per sample; the highest are kept.",
        "cut": "Where a score stops being good enough: what lies above it is kept.",
        "seed": "Where random numbers start. The same seed gives the same choice, on any machine.",
        "target": "A few examples of what you want to be good at. Methods may choose towards them.",
        "map": "All samples as points. Near means alike; left, right, up and down mean nothing by themselves.",
        "cluster": "Samples that are more alike than others, found by a program, not by people.",
    },
    "How good it is": {
        "random": "The choice to beat: every sample equally likely. Every result stands beside it.",
        "held-out set": "Samples set aside before anything is chosen. No method can choose them, so they can test all.",
        "worth n random samples": "How many samples drawn at random would do as well as a selection. More than its own "
        "size means better than random.",
        "interval": "Where the true value lies in 95 of 100 cases. Where two intervals overlap widely, nothing is "
        "shown.",
        "not shown to differ": "The difference is smaller than what chance alone makes. More held-out samples or seeds "
        "may show it.",
        "probe": "A small model trained on the kept samples alone, and tested on held-out ones.",
        "judge": "Samples that say how good a choice is: the held-out set, or another pool that nobody chose towards.",
        "over-fit": "Better on the very samples that were chosen towards, and not on others like them.",
        "knee": "The budget from which further samples add little.",
        "AUC": "How often a right caption scores higher than a wrong one: 100 % is perfect, 50 % is a coin.",
        "leak": "A sample that is in the data and in its test as well. A test that leaks says nothing.",
    },
    "Climate": {
        "scenario": "One course of emissions that a climate was simulated for, such as ssp126; historical is the past.",
        "member": "One simulation of a scenario. Members differ in their weather alone.",
        "run": "One scenario as one member simulated it, from the year in which it branched to its last.",
        "GMST": "Global-mean surface temperature, in K above the mean of the years of the baseline.",
        "driver": "What an emulator is told of a year, most often its GMST, and makes a field from.",
        "emulator": "A small model that stands in for a climate model, fitted to years that were simulated.",
        "pattern scaling": "The emulator to beat: in each place a straight line of GMST.",
        "noise floor": "How far two members of a scenario are apart by weather alone. No emulator can be shown to do "
        "better.",
        "reference scenario": "What years are chosen by. It cannot also say how good the choice is.",
    },
    "What it costs": {
        "campaign": "All the labelling that is paid for together: so many samples, by so many people.",
        "pilot": "A few samples, drawn at random, that are labelled with a clock before the rest is planned.",
        "rate": "What one label takes or costs, with the place that the number comes from.",
        "pass": "One round of labelling; with two, every sample is labelled by two people.",
        "adjudication": "One more person decides where two labels of a sample disagree.",
        "gold share": "Samples whose labels are known, put between the others to see who labels carefully.",
    },
    "Training": {
        "proxy": "A small model that is trained on the whole pool in order to see how each sample is learned.",
        "loss": "How surprised a model is by a sample, in nats per token: 0 is certain.",
        "perplexity": "How surprised a language model is by a text, on average over its tokens; said as a loss.",
        "loss trajectory": "How the loss of one sample fell while the proxy learned.",
        "checkpoint": "A moment of a training at which losses are measured.",
        "epoch": "One pass of a training over all samples.",
        "influence": "What one training step on a sample does to a model's loss on a reference: measured for a few "
        "samples, predicted for all.",
        "bit": "What a yes or no takes to remember: a number of ten random digits takes 33 of them.",
        "parameter": "A number in a model that training adjusts. Each stores one to four bits of what is learned.",
        "known by heart": "A model gives the right answer, letter by letter, more often than by guessing.",
        "warm-up": "A short training on everything, after which losses say what was learned first.",
        "reference": "Samples that a model is to become good at, on which influence is measured. It never judges.",
        "temperature": "How much chance there is in a draw by a score: at 0 the best are kept, very high, anything.",
        "Spearman": "How far two rankings agree: 1 is entirely, 0 is as by chance, below 0 they are turned around.",
    },
    "Delivering": {
        "review": "Looking at each of a selection before it leaves, and keeping, dropping or swapping it.",
        "second look": "Some of a selection, drawn by chance and decided once more by another person who does not see "
        "what the first one said.",
        "kappa": "How far two people agree beyond chance: 1 is always, 0 is as by chance (Cohen).",
        "manifest": "The record of a selection: what was asked, what came out, and why, with hashes that prove it.",
        "label": "What people said of a sample: a class, or boxes with classes. Of several the majority counts.",
        "gold set": "Samples of which the right label is known, given to labellers in order to check them.",
        "Krippendorff's alpha": "How far labellers agree beyond chance: 1 is always, 0 is as often as chance.",
        "verify": "To check that a selection is what its manifest says, byte by byte.",
        "reproduce": "To make the same selection again from its manifest, and compare.",
    },
}

_DECLARED = {"Methods": "method", "What can be known of samples": "feature", "Numbers of a selection": "metric"}


def entries() -> list[tuple[str, str, str, str]]:
    """(section, word, meaning, address of the paper or nothing), in the order of the page."""
    found = [(section, word, meaning, "") for section, of in TERMS.items() for word, meaning in of.items()]
    for section, kind in _DECLARED.items():
        for cls in registry.every(kind).values():
            found.append((section, cls.title, cls.summary(), getattr(cls, "paper", "")))
    return found


def matching(asked: str) -> list[tuple[str, str, str, str]]:
    """Those in which what is asked stands, in the word or in its meaning; all of them where nothing is asked."""
    wanted = asked.casefold().split()
    return [one for one in entries() if all(word in f"{one[1]} {one[2]}".casefold() for word in wanted)]
