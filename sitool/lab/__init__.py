"""The laboratory: the three theories on examples small enough to write down, exact and in numpy.

[A] Reward-filtered maximum likelihood and curricula (arXiv 2602.10014), [B] the
generation-verification gap (arXiv 2412.02674), [C] sharpening (arXiv 2412.01951).
A model is a `TabularPolicy`: prompts, the chance of each response, and which are
right. Everything else is a function of it. The tests of sitool use this as
their oracle; it knows nothing of the loop, and needs no model. Beside the tables there
are simulated learners, which do without them.

**A model.** Two prompts, three responses each; on the first it is mostly right.

>>> import numpy as np
>>> from sitool import lab
>>> model = lab.TabularPolicy(
...     prompt_weights=[0.5, 0.5],
...     probabilities=[[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]],
...     utility=[[1, 0, 0], [1, 0, 0]],
... )
>>> print(f"J = {lab.accuracy(model):.3f}, pass@8 = {lab.pass_at_k(model, 8):.3f}")
J = 0.400, pass@8 = 0.916

**The gap.** The model scores its own responses, fairly well; what scores at
least 0.5 is kept. That is better than what it writes by the gap. On the second
prompt nothing survives, so it stays as it was.

>>> scores = np.array([[0.9, 0.7, 0.2], [0.4, 0.3, 0.1]])
>>> weights = lab.threshold_weights(scores, 0.5)
>>> kept = lab.reweight(model, weights)
>>> print(f"gap = {lab.gap(model, weights):.3f}, without survivor: {kept.without_survivor}")
gap = 0.033, without survivor: 1
>>> relative = lab.relative_gap(model, weights)
>>> print(f"relative gap = {relative.value:.3f}, dropped: {relative.dropped}")
relative gap = 0.083, dropped: 0

**Truth as the verifier.** Training on what is right makes every prompt right,
but the data lean to what was solved already.

>>> filtered = lab.reward_filtered(model)
>>> print(f"J = {lab.accuracy(filtered.target):.3f}, share of the first prompt:",
...       f"{filtered.prompts[0]:.2f}")
J = 1.000, share of the first prompt: 0.75

**Sharpening.** With its likelihood as its reward the model becomes surer, and
right only where its likeliest response is right.

>>> likely = np.log(model.probabilities)
>>> for n in (1, 4, 16):
...     best = lab.best_of_n(model, likely, n)
...     sharp = lab.sharpenedness(best, model, delta=0.1)
...     print(f"N = {n:2}: J = {lab.accuracy(best):.3f}, sharpened prompts: {sharp:.2f}")
N =  1: J = 0.400, sharpened prompts: 0.00
N =  4: J = 0.488, sharpened prompts: 1.00
N = 16: J = 0.500, sharpened prompts: 1.00
>>> print(f"C_cov = {lab.coverage(model):.3f}, entropy {lab.entropy(model):.3f}",
...       f"-> {lab.entropy(lab.sharpened(model, beta=0.25)):.3f}")
C_cov = 1.833, entropy 0.964 -> 0.224

**Training does the same.** The DPO-style regression has its minimum at
pi^(1 + 1/beta), and adaptive best-of-N draws little where the model is sure.

>>> pairs = lab.pair_weights(model, model)
>>> found = lab.minimise(
...     lambda logits: lab.dpo_regression_loss(logits, model, pairs, beta=1.0), likely
... )
>>> bool(np.allclose(lab.softmax(found.logits), lab.sharpened(model, beta=1.0).probabilities))
True
>>> mu = float(lab.stopping_constant(delta=0.1))
>>> adaptive = lab.adaptive_best_of_n(model, mu)
>>> print("draws:", adaptive.expected_draws.round(2), "at most",
...       lab.adaptive_draws_bound(mu, model.probabilities.max(axis=1)).round(2))
draws: [5.02 6.03] at most [6.66 7.99]

**What is guaranteed.** With few samples the loop may get nowhere, with more it
saturates; and easy levels first are what makes hard ones reachable, if levels
share their skill. Each number comes with its assumptions.

>>> lower, ceiling = lab.fixed_points(lab.feedback_strength(class_size=1e4, rho=0.1, draws=200))
>>> print(f"above {lower:.3f} it climbs to {ceiling:.3f}")
above 0.133 it climbs to 0.867
>>> lengths = [1, 2, 4, 8, 16]
>>> easy_first = lab.easy_to_hard(0.6, lengths, 1e4, 0.1, draws=200, rounds=12)
>>> mixed = lab.fixed_mixture(0.6, lengths, [0.2] * 5, 1e4, 0.1, draws=200, rounds=12)
>>> print(f"level of 16 steps: {easy_first.success(16)[-1]:.3f} against",
...       f"{mixed.success(16)[-1]:.3f} ({easy_first.bound.source})")
level of 16 steps: 0.867 against 0.628 (sitool bound)
>>> print(easy_first.level[:5])
[1 2 4 4 4]

**What happens.** A guarantee is not an outcome: simulated learners play many runs
under the real loop's own curricula. In a chain of skills level k needs skills 1 to
k; there easy levels first pay.

>>> chain = lab.SkillChain(initial=0.6, lengths=lengths)
>>> ends = {
...     rule: lab.simulate(chain, rule, prompts=64, rounds=12, runs=500).band("success", level=5)
...     for rule in ("adaptive", "uniform")
... }
>>> bool(ends["adaptive"].mean[-1] > 0.9), bool(ends["uniform"].mean[-1] < 0.6)
(True, True)
"""

from sitool.lab.bounds import (
    Bound,
    Trajectory,
    best_length,
    complexity,
    easy_to_hard,
    feedback_strength,
    fixed_mixture,
    fixed_points,
    levels_without_transfer,
    never_much_worse,
    never_much_worse_beforehand,
    next_accuracy,
    one_round,
    skill_after_level,
    skill_after_mixture,
)
from sitool.lab.diagram import (
    Axis,
    DiagramPlan,
    DiagramRow,
    PhaseDiagram,
    Winner,
    diagram_rows,
    make_learner,
    phase_diagram,
)
from sitool.lab.fitting import (
    MODELS,
    Counts,
    Fit,
    fit,
)
from sitool.lab.laws import (
    AdaptiveLaw,
    adaptive_best_of_n,
    best_of_n,
    tournament,
    wins_by_score,
)
from sitool.lab.learners import (
    PRIOR,
    TRUTH,
    Learner,
    Verifier,
    ladder_of_lengths,
)
from sitool.lab.mixtures import (
    CURRICULA,
    Curriculum,
    Mixtures,
    named_curriculum,
)
from sitool.lab.reweighting import (
    RelativeGap,
    RewardFiltered,
    Reweighted,
    exponential_weights,
    gap,
    quantile_weights,
    relative_gap,
    reward_filtered,
    reweight,
    threshold_weights,
)
from sitool.lab.sharpener import (
    Sharpener,
    sharpening_base,
)
from sitool.lab.sharpening import (
    SUFFICIENT_PROMPTS,
    SUFFICIENT_RESPONSES,
    adaptive_draws_bound,
    adaptive_samples,
    greedy_is_sharp,
    responses_to_reach,
    samples_lower_bound,
    sft_prompts,
    sft_responses,
    sft_samples,
    stopping_constant,
)
from sitool.lab.sheet import (
    Situation,
    guarantees,
    sharpening_counts,
)
from sitool.lab.simulation import (
    Band,
    Run,
    Snapshot,
    play,
    simulate,
)
from sitool.lab.skills import (
    SharedSkill,
    SkillChain,
    StepLearner,
)
from sitool.lab.softmax import (
    Minimum,
    count_responses,
    dpo_regression_loss,
    log_likelihood,
    log_softmax,
    logits_of,
    maximum_likelihood,
    minimise,
    pair_weights,
    sampled_pairs,
    softmax,
    xpo,
    xpo_loss,
)
from sitool.lab.tables import (
    SelfVerified,
    TableLearner,
    Tabular,
)
from sitool.lab.tabular import (
    TabularPolicy,
    accuracy,
    accuracy_by_prompt,
    coverage,
    draw,
    entropy,
    kl,
    modal_coverage,
    mode_mass,
    modes,
    pass_at_k,
    sharpened,
    sharpenedness,
)

__all__ = [
    "CURRICULA",
    "MODELS",
    "PRIOR",
    "SUFFICIENT_PROMPTS",
    "SUFFICIENT_RESPONSES",
    "TRUTH",
    "AdaptiveLaw",
    "Axis",
    "Band",
    "Bound",
    "Counts",
    "Curriculum",
    "DiagramPlan",
    "DiagramRow",
    "Fit",
    "Learner",
    "Minimum",
    "Mixtures",
    "PhaseDiagram",
    "RelativeGap",
    "RewardFiltered",
    "Reweighted",
    "Run",
    "SelfVerified",
    "SharedSkill",
    "Sharpener",
    "Situation",
    "SkillChain",
    "Snapshot",
    "StepLearner",
    "TableLearner",
    "Tabular",
    "TabularPolicy",
    "Trajectory",
    "Verifier",
    "Winner",
    "accuracy",
    "accuracy_by_prompt",
    "adaptive_best_of_n",
    "adaptive_draws_bound",
    "adaptive_samples",
    "best_length",
    "best_of_n",
    "complexity",
    "count_responses",
    "coverage",
    "diagram_rows",
    "dpo_regression_loss",
    "draw",
    "easy_to_hard",
    "entropy",
    "exponential_weights",
    "feedback_strength",
    "fit",
    "fixed_mixture",
    "fixed_points",
    "gap",
    "greedy_is_sharp",
    "guarantees",
    "kl",
    "ladder_of_lengths",
    "levels_without_transfer",
    "log_likelihood",
    "log_softmax",
    "logits_of",
    "make_learner",
    "maximum_likelihood",
    "minimise",
    "modal_coverage",
    "mode_mass",
    "modes",
    "named_curriculum",
    "never_much_worse",
    "never_much_worse_beforehand",
    "next_accuracy",
    "one_round",
    "pair_weights",
    "pass_at_k",
    "phase_diagram",
    "play",
    "quantile_weights",
    "relative_gap",
    "responses_to_reach",
    "reward_filtered",
    "reweight",
    "sampled_pairs",
    "samples_lower_bound",
    "sft_prompts",
    "sft_responses",
    "sft_samples",
    "sharpened",
    "sharpenedness",
    "sharpening_base",
    "sharpening_counts",
    "simulate",
    "skill_after_level",
    "skill_after_mixture",
    "softmax",
    "stopping_constant",
    "threshold_weights",
    "tournament",
    "wins_by_score",
    "xpo",
    "xpo_loss",
]
