"""D-CPT variant L3, the one its paper chose: ``dcpt`` under its name among the candidates.

    L(N, D, r) = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ

Everything about it (E, A, B, C, α, β, η, ε, γ, r, limits) is in ``mixlaw.laws.dcpt``.
Source: Que et al., arXiv 2406.01375, Eq. 6.
"""

from dataclasses import replace

from mixlaw.laws import dcpt

LAW = replace(dcpt.LAW, name="dcpt-l3")
