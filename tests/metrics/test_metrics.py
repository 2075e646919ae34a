"""Metrics: known values, scikit-learn's where it is installed, in parts as in one piece."""

import copy
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ChainruleError, ShapeError, TraceError
from chainrule.metrics import (
    AUROC,
    Accuracy,
    AveragePrecision,
    ConfusionMatrix,
    F1Score,
    FBetaScore,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    Perplexity,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
)

# 12 samples of 4 classes; class 3 never comes and is predicted once
TRUE = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
FOUND = np.array([0, 0, 1, 3, 1, 1, 0, 2, 2, 2, 1, 0])
SCORE = np.array([0.1, 0.4, 0.35, 0.8, 0.8, 0.2, 0.9, 0.5])
POSITIVE = np.array([0, 0, 1, 1, 0, 0, 1, 1])
LOGITS = np.log(np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]]))
CLASS = np.array([0, 1, 2, 1])
REAL = np.array([3.0, -0.5, 2.0, 7.0])
GUESS = np.array([2.5, 0.0, 2.0, 8.0])


def four(kind, average, **options):
    return kind("multiclass", num_classes=4, average=average, **options)


#: metric, preds, target, the value (recorded from scikit-learn 1.9)
KNOWN = {
    "accuracy": (Accuracy(), FOUND, TRUE, 7 / 12),
    "top 1": (Accuracy(top_k=1), LOGITS, CLASS, 3 / 4),
    "top 2": (Accuracy(top_k=2), LOGITS, CLASS, 1.0),
    "binary accuracy": (Accuracy("binary"), SCORE, POSITIVE, 5 / 8),
    "micro": (four(Precision, "micro"), FOUND, TRUE, 7 / 12),
    "macro precision": (four(Precision, "macro"), FOUND, TRUE, 0.5),
    "macro recall": (four(Recall, "macro"), FOUND, TRUE, 0.4416666666666667),
    "macro recall, 1 for nothing": (four(Recall, "macro", zero_division=1.0), FOUND, TRUE,
                                    0.6916666666666667),
    "macro recall without nothing": (four(Recall, "macro", zero_division=math.nan), FOUND, TRUE,
                                     0.5888888888888889),
    "macro F1": (four(F1Score, "macro"), FOUND, TRUE, 0.4553571428571429),
    "weighted precision": (four(Precision, "weighted"), FOUND, TRUE, 0.7083333333333334),
    "weighted F1": (four(F1Score, "weighted"), FOUND, TRUE, 0.6220238095238095),
    "each": (four(Precision, None), FOUND, TRUE, [0.5, 0.5, 1.0, 0.0]),
    "F2": (FBetaScore("multiclass", 2.0, 4, "macro"), FOUND, TRUE, 0.44429347826086957),
    "binary precision": (Precision("binary"), SCORE, POSITIVE, 2 / 3),
    "binary recall": (Recall("binary"), SCORE, POSITIVE, 0.5),
    "binary F1": (F1Score("binary"), SCORE, POSITIVE, 4 / 7),
    "another threshold": (Recall("binary", threshold=0.3), SCORE, POSITIVE, 1.0),
    "logits": (Recall("binary"), np.log(SCORE / (1 - SCORE)), POSITIVE, 0.5),
    "confusions": (ConfusionMatrix("multiclass", 4), FOUND, TRUE,
                   [[2, 1, 0, 1], [1, 2, 0, 0], [1, 1, 3, 0], [0, 0, 0, 0]]),
    "rows": (ConfusionMatrix("multiclass", 4, normalize="true"), FOUND, TRUE,
             [[0.5, 0.25, 0, 0.25], [1 / 3, 2 / 3, 0, 0], [0.2, 0.2, 0.6, 0], [0, 0, 0, 0]]),
    "binary confusions": (ConfusionMatrix("binary"), SCORE, POSITIVE, [[3, 1], [2, 2]]),
    "area": (AUROC("binary"), SCORE, POSITIVE, 0.78125),
    "area of classes": (AUROC("multiclass", 3), LOGITS, CLASS[::-1], 0.4444444444444444),
    "average precision": (AveragePrecision("binary"), SCORE, POSITIVE, 0.7708333333333333),
    "squares": (MeanSquaredError(), GUESS, REAL, 0.375),
    "root": (RootMeanSquaredError(), GUESS, REAL, 0.6123724356957945),
    "distances": (MeanAbsoluteError(), GUESS, REAL, 0.5),
    "variance": (R2Score(), GUESS, REAL, 0.9486081370449679),
    "two outputs": (R2Score(), np.stack([GUESS, REAL * 0 + 1], 1),
                    np.stack([REAL, REAL * 0 + 1], 1), 0.9743040685224839),
    "constant, missed": (R2Score(), GUESS, REAL * 0, 0.0),
    "perplexity": (Perplexity(), LOGITS, CLASS,
                   math.exp(-math.log(0.7 * 0.4 * 0.6 * 0.4) / 4)),
}  # fmt: skip


def tensors(*arrays):
    return [cr.from_numpy(np.ascontiguousarray(a)) for a in arrays]


def value(result):
    return result.numpy() if isinstance(result, cr.Tensor) else result


@pytest.mark.parametrize("case", KNOWN)
def test_known_values(case):
    metric, preds, target, expected = KNOWN[case]
    metric.reset()
    metric.update(*tensors(preds, target))
    np.testing.assert_allclose(value(metric.compute()), expected, rtol=1e-6)


@pytest.mark.parametrize("case", KNOWN)
def test_parts_saved_loaded_and_merged_are_the_whole(case):
    metric, preds, target, expected = KNOWN[case]
    parts = [copy.deepcopy(metric) for _ in range(3)]
    cuts = (slice(0, 3), slice(3, 4), slice(4, None))
    for part, cut in zip(parts, cuts, strict=True):
        part.reset()
        part.update(*tensors(preds[cut], target[cut]))
    resumed = copy.deepcopy(metric)
    resumed.reset()
    resumed.load_state_dict(parts[0].state_dict())
    resumed.merge(parts[1]).merge(parts[2])
    np.testing.assert_allclose(value(resumed.compute()), expected, rtol=1e-6)
    assert all(isinstance(x, cr.Tensor) for x in resumed.state_dict().values())


def test_a_state_goes_on_in_the_middle():
    whole, first = AUROC("binary"), AUROC("binary")
    whole.update(*tensors(SCORE, POSITIVE))
    first.update(*tensors(SCORE[:5], POSITIVE[:5]))
    kept = {
        name: cr.tensor(x.tolist(), dtype=x.dtype) for name, x in first.state_dict().items()
    }
    second = AUROC("binary")
    second.load_state_dict(kept)
    first.update(*tensors(SCORE[5:], POSITIVE[5:]))
    second.update(*tensors(SCORE[5:], POSITIVE[5:]))
    assert first.compute() == second.compute() == whole.compute()


@pytest.mark.parametrize("case", ["accuracy", "macro F1", "area", "variance", "perplexity"])
def test_calling_gives_the_batch_and_counts_it(case):
    metric, preds, target, expected = KNOWN[case]
    metric.reset()
    metric.update(*tensors(preds[:2], target[:2]))
    alone = copy.deepcopy(metric)
    alone.reset()
    alone.update(*tensors(preds[2:], target[2:]))
    assert metric(*tensors(preds[2:], target[2:])) == alone.compute()
    assert metric.compute() == pytest.approx(expected)


def test_spatial_scores_and_ignored_targets():
    scores = cr.rand(2, 5, 3, 4)
    target = scores.argmax(1)
    accuracy, recall = Accuracy(), Recall("multiclass", 5, "micro")
    for metric in (accuracy, recall):
        metric.update(scores, target)
        assert metric.compute() == 1
    target[0] = -100
    for ignoring in (Accuracy(ignore_index=-100), Accuracy(top_k=2, ignore_index=-100),
                     Recall("multiclass", 5, "micro", ignore_index=-100)):  # fmt: skip
        ignoring.update(scores, target)
        assert ignoring.compute() == 1
    assert ignoring.counts.sum() == 12


def test_padding_does_not_count_in_perplexity():
    logits, target = cr.randn(2, 4, 6), cr.tensor([[1, 2, 0, 0], [3, 0, 0, 0]])
    padded, plain = Perplexity(ignore_index=0), Perplexity()
    padded.update(logits, target)
    plain.update(logits[target != 0], target[target != 0])
    assert padded.compute() == pytest.approx(plain.compute()) and padded.seen == 3
    loss = cr.nn.functional.cross_entropy(logits[target != 0], target[target != 0])
    assert padded.compute() == pytest.approx(math.exp(loss.item()), rel=1e-5)


def test_equal_scores_are_one_step():
    everything = AUROC("binary")
    everything.update(cr.zeros(10), cr.arange(10) % 2)
    assert everything.compute() == 0.5
    tied = AveragePrecision("binary")
    tied.update(cr.zeros(10), cr.arange(10) % 2)
    assert tied.compute() == 0.5
    assert Accuracy(top_k=2)(cr.zeros(3, 4), cr.tensor([0, 1, 2])) == pytest.approx(2 / 3)


def test_the_variance_far_from_zero_keeps_its_digits():
    random = np.random.default_rng(0)
    true = 1e8 + random.normal(size=600)
    found = true + random.normal(size=600) * 0.1
    metric = R2Score()
    for part in np.split(np.arange(600), 20):
        metric.update(*tensors(found[part], true[part]))
    expected = 1 - ((found - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
    assert metric.compute() == pytest.approx(expected, rel=1e-6)


def test_outputs_that_require_gradients_and_halves_are_taken():
    scores = cr.tensor([[1.0, 2.0]], requires_grad=True)
    assert Accuracy()(scores, cr.tensor([1])) == 1
    assert MeanSquaredError()(cr.ones(2).bfloat16(), cr.zeros(2)) == 1


def test_a_mean_is_a_metric_too():
    mean = Mean()
    mean.update(2.0, weight=3)
    other = Mean()
    other.load_state_dict(mean.state_dict())
    assert isinstance(other, Metric) and other.merge(mean).compute() == 2 and other.weight == 6


# -- scikit-learn ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_values_are_scikit_learn_s(seed):
    sk = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    n, k = int(random.integers(20, 90)), int(random.integers(3, 6))
    true = np.concatenate([np.arange(k), random.integers(0, k, n - k)])
    p = random.random((n, k)).round(2) + 0.01
    p /= p.sum(1, keepdims=True)
    best, y, x = p.argmax(1), random.normal(size=(2, n)), random.normal(size=(2, n, 2))
    binary, score = np.append(true[1:] % 2, 0), p[:, 0].round(1)
    binary[0] = 1
    pairs = [
        (ConfusionMatrix("multiclass", k), p, true, sk.confusion_matrix(true, best)),
        (AUROC("binary"), score, binary, sk.roc_auc_score(binary, score)),
        (AveragePrecision("binary"), score, binary, sk.average_precision_score(binary, score)),
        (MeanSquaredError(), y[0], y[1], sk.mean_squared_error(y[1], y[0])),
        (MeanAbsoluteError(), y[0], y[1], sk.mean_absolute_error(y[1], y[0])),
        (R2Score(), y[0], y[1], sk.r2_score(y[1], y[0])),
        (R2Score(), x[0], x[1], sk.r2_score(x[1], x[0])),
        (Perplexity(), np.log(p), true, np.exp(sk.log_loss(true, p))),
    ]
    for average in ("micro", "macro", "weighted", None):
        for kind, theirs in ((Precision, sk.precision_score), (Recall, sk.recall_score),
                             (F1Score, sk.f1_score)):  # fmt: skip
            expected = theirs(true, best, average=average, zero_division=0)
            pairs.append((kind("multiclass", k, average), p, true, expected))
    for average in ("macro", "weighted"):
        area = sk.roc_auc_score(true, p, multi_class="ovr", average=average)
        precision = sk.average_precision_score(np.eye(k)[true], p, average=average)
        pairs.append((AUROC("multiclass", k, average), p, true, area))
        pairs.append((AveragePrecision("multiclass", k, average), p, true, precision))
    for metric, found, target, expected in pairs:
        metric.update(*tensors(found, target))
        np.testing.assert_allclose(value(metric.compute()), expected, rtol=1e-6, err_msg=metric)


# -- errors ----------------------------------------------------------------------------

NAN = cr.tensor([0.5, math.nan])
TWO = cr.tensor([0, 1])
WRONG = {
    "NaN labels": (lambda: Accuracy()(cr.zeros(2, 3), NAN), "CR911.*nan.*no class"),
    "NaN scores": (lambda: AUROC("binary")(NAN, TWO), "CR911.*1 NaN among 2"),
    "NaN numbers": (lambda: MeanSquaredError()(NAN, NAN), "CR911.*preds hold 1 NaN"),
    "NaN targets": (lambda: R2Score()(cr.zeros(2), NAN), "CR911.*target hold 1 NaN"),
    "NaN logits": (lambda: Perplexity()(cr.stack([NAN, NAN]), TWO), "CR911.*2 NaN"),
    "NaN probabilities": (lambda: F1Score("binary")(NAN, TWO), "CR911.*NaN"),
    "half a class": (lambda: Precision("binary")(TWO, cr.tensor([0.5, 1])), "CR911.*0.5"),
    "class too high": (lambda: Recall("multiclass", 2)(TWO, cr.tensor([0, 2])),
                       "CR911.*from 0 to 2.*0 to 1"),
    "found too high": (lambda: Recall("multiclass", 2)(cr.tensor([0, 2]), TWO), "CR911.*preds"),
    "class below 0": (lambda: Accuracy()(cr.zeros(2, 3), cr.tensor([0, -1])),
                      "CR911.*-1.*ignore_index"),
    "class of 1 to 3": (lambda: Accuracy(num_classes=3)(cr.zeros(2, 3), cr.tensor([1, 3])),
                        "CR911.*to 3.*0 to 2"),
    "token too high": (lambda: Perplexity()(cr.zeros(2, 2), cr.tensor([0, 2])), "CR911.*to 2"),
    "other lengths": (lambda: ConfusionMatrix("binary")(cr.zeros(3), TWO), "CR910.*3,.*2,"),
    "other classes": (lambda: F1Score("multiclass", 4)(cr.zeros(2, 3), TWO), "CR910.*n, 4"),
    "a column too many": (lambda: AUROC("binary")(cr.zeros(2, 1), TWO), "CR910.*2, 1"),
    "an axis too many": (lambda: MeanAbsoluteError()(cr.zeros(2, 1), TWO), "CR910.*one shape"),
    "batch of targets": (lambda: Perplexity()(cr.zeros(2, 3, 4), TWO), "CR910.*classes"),
    "accuracy shapes": (lambda: Accuracy("binary")(cr.zeros(2, 2), TWO), "CR713"),
    "task": (lambda: Precision("multilabel", 3), "CR913.*'multilabel'"),
    "no number": (lambda: Precision("multiclass"), "CR913.*num_classes"),
    "average": (lambda: Recall("binary", average="mean"), "CR913.*'mean'.*macro"),
    "average of areas": (lambda: AUROC("binary", average="micro"), "CR913.*'micro'"),
    "normalize": (lambda: ConfusionMatrix("binary", normalize="rows"), "CR913.*'rows'"),
    "top 0": (lambda: Accuracy(top_k=0), "CR913.*top_k=0"),
    "one side": (lambda: AUROC("binary")(cr.rand(3), cr.ones(3)), "CR914.*3 of 3.*class 1"),
    "nothing": (lambda: F1Score("binary").compute(), "CR714.*F1Score of no samples"),
    "no area": (lambda: AUROC("binary").compute(), "CR714"),
    "no error": (lambda: MeanSquaredError().compute(), "CR714"),
    "one sample": (lambda: R2Score()(cr.ones(1), cr.ones(1)), "CR714"),
    "no text": (lambda: Perplexity().compute(), "CR714"),
    "merged": (lambda: Recall("binary").merge(Precision("binary")), "CR912.*do not add up"),
    "other settings": (lambda: AUROC("multiclass", 3).merge(AUROC("multiclass", 4)), "CR912"),
    "state": (lambda: Mean().load_state_dict(MeanSquaredError().state_dict()), "CR912.*weight"),
    "state of others": (lambda: AUROC("multiclass", 3).load_state_dict(
        AUROC("binary").state_dict()), "CR912.*gathered_scores"),
    "state of unequal lengths": (lambda: AUROC("binary").load_state_dict(
        {"gathered_scores": cr.rand(3), "gathered_targets": cr.ones(2)}), "CR912"),
    "state of another size": (lambda: Recall("multiclass", 3).load_state_dict(
        Recall("multiclass", 4).state_dict()), "CR912"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_error(case):
    act, message = WRONG[case]
    with pytest.raises(ChainruleError, match=message):
        act()


def test_what_was_seen_survives_a_bad_batch():
    metric = F1Score("binary")
    metric.update(TWO, TWO)
    for bad in (cr.zeros(3), cr.tensor([0, 5])):
        with pytest.raises((ShapeError, ArgumentError)):
            metric(bad, TWO)
        with pytest.raises((ShapeError, ArgumentError)):
            metric.update(bad, TWO)
    assert metric.compute() == 1 and metric.counts.sum() == 2


def test_a_metric_reads_numbers_so_it_cannot_be_compiled():
    with pytest.raises(TraceError):
        cr.compile(lambda x: Accuracy()(x, TWO))(cr.zeros(2, 3))
