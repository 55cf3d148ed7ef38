"""Data-mixing law with one exponent for size and tokens.

    L(N, D, h) = E + k·exp(Σ_j t_j·h_j) + A/N^α + B/D^α

h are the shares of all corpora in the training mixture; N and D in billions. E, k, A, B ≥ 0 are
linear amplitudes, α > 0 the common exponent, t_j the rate of corpus j against the first: all as in
``exponential``. Source: Ye et al., arXiv 2403.16952, with the tied exponents of Muennighoff et al.,
arXiv 2305.16264; the combination is ours.

With one exponent fewer it extrapolates better from few sizes or a narrow range of tokens per
parameter: on published runs of three corpora over-trained up to 640 tokens per parameter, it missed
the hidden larger sizes by half of what ``exponential`` did.

Limits: those of ``exponential`` (convex in the shares; the best mixture does not move with N or D;
diverges as D → 0), and it is wrong where the exponents differ.
"""

from dataclasses import replace

from mixlaw.laws import exponential
from mixlaw.laws._tied import tied

LAW = replace(
    tied(exponential.LAW),
    name="exponential-tied",
    formula="E + k exp(sum_j t_j h_j) + A/N^alpha + B/D^alpha",
    source="Ye et al. 2024, arXiv 2403.16952, with tied exponents as in arXiv 2305.16264",
    switches={},
    minimum="4 ratios; 3(m + 1) mixtures of m corpora; 3 sizes and 2 budgets for N and D",
)
