"""Rotations of many states at once, and their slopes, to be compiled by numba.

States are columns: ``re`` and ``im`` have shape (2 ** n_qubits, n_columns), so that a gate mixes
whole rows. CNOTs move no data: ``rows`` is :func:`cardiorisk.backends.ansatz.layer_rows`. The slope
``s`` of a number ``z`` is meant so that a change ``dz`` adds ``Re(conj(s) dz)`` to the loss.
"""

from typing import Any

import numpy as np

__all__ = ["angle_slopes", "evolve", "evolve_back", "fill_rotations"]


def fill_rotations(angles: Any, gates: Any) -> None:
    """Fill ``gates`` (n_layers, n_qubits, 2, 2) from ``angles`` (n_layers, n_qubits, 3)."""
    for layer in range(angles.shape[0]):
        for wire in range(angles.shape[1]):
            phi, theta, omega = angles[layer, wire]
            cos, sin = np.cos(theta / 2), np.sin(theta / 2)
            whole, half = np.exp(0.5j * (phi + omega)), np.exp(0.5j * (phi - omega))
            gates[layer, wire, 0, 0] = cos / whole
            gates[layer, wire, 0, 1] = -sin * half
            gates[layer, wire, 1, 0] = sin / half
            gates[layer, wire, 1, 1] = cos * whole


def angle_slopes(angles: Any, gates: Any, slopes: Any, out: Any) -> None:
    """Fill ``out``, shaped like ``angles``, from the slopes of the entries of ``gates``."""
    for layer in range(angles.shape[0]):
        for wire in range(angles.shape[1]):
            gate, slope = gates[layer, wire], np.conj(slopes[layer, wire])
            phi, theta, omega = angles[layer, wire]
            s00 = (slope[0, 0] * gate[0, 0]).imag
            s01 = (slope[0, 1] * gate[0, 1]).imag
            s10 = (slope[1, 0] * gate[1, 0]).imag
            s11 = (slope[1, 1] * gate[1, 1]).imag
            out[layer, wire, 0] = 0.5 * (s00 - s01 + s10 - s11)
            out[layer, wire, 2] = 0.5 * (s00 + s01 - s10 - s11)
            cos, sin = np.cos(theta / 2), np.sin(theta / 2)
            whole, half = np.exp(0.5j * (phi + omega)), np.exp(0.5j * (phi - omega))
            turn = slope[1, 0] * cos / half - slope[1, 1] * sin * whole
            turn -= slope[0, 0] * sin / whole + slope[0, 1] * cos * half
            out[layer, wire, 1] = 0.5 * turn.real


def evolve(re: Any, im: Any, gates: Any, rows: Any) -> None:
    """Apply the layers in place; ``rows[-1]`` then tells where each basis state lies."""
    n_qubits = gates.shape[1]
    for layer in range(gates.shape[0]):
        for wire in range(n_qubits):
            bit = 1 << (n_qubits - 1 - wire)
            g = gates[layer, wire]
            a, b, c, d = g[0, 0].real, g[0, 1].real, g[1, 0].real, g[1, 1].real
            p, q, r, s = g[0, 0].imag, g[0, 1].imag, g[1, 0].imag, g[1, 1].imag
            for state in range(re.shape[0]):
                if state & bit:
                    continue
                zero, one = rows[layer, state], rows[layer, state | bit]
                x0, y0, x1, y1 = re[zero], im[zero], re[one], im[one]
                for k in range(re.shape[1]):
                    u, v, m, n = x0[k], y0[k], x1[k], y1[k]
                    x0[k] = a * u - p * v + b * m - q * n
                    y0[k] = a * v + p * u + b * n + q * m
                    x1[k] = c * u - r * v + d * m - s * n
                    y1[k] = c * v + r * u + d * n + s * m


def evolve_back(
    re: Any, im: Any, slope_re: Any, slope_im: Any, gates: Any, rows: Any, slopes: Any
) -> None:
    """Undo :func:`evolve` on states and their slopes, and fill the ``slopes`` of the gates."""
    n_qubits = gates.shape[1]
    for layer in range(gates.shape[0] - 1, -1, -1):
        for wire in range(n_qubits - 1, -1, -1):
            bit = 1 << (n_qubits - 1 - wire)
            g = gates[layer, wire]
            # The adjoint of the gate.
            a, b, c, d = g[0, 0].real, g[1, 0].real, g[0, 1].real, g[1, 1].real
            p, q, r, s = -g[0, 0].imag, -g[1, 0].imag, -g[0, 1].imag, -g[1, 1].imag
            s00, s01, s10, s11, t00, t01, t10, t11 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for state in range(re.shape[0]):
                if state & bit:
                    continue
                zero, one = rows[layer, state], rows[layer, state | bit]
                x0, y0, x1, y1 = re[zero], im[zero], re[one], im[one]
                e0, f0, e1, f1 = slope_re[zero], slope_im[zero], slope_re[one], slope_im[one]
                for k in range(re.shape[1]):
                    u, v, m, n = x0[k], y0[k], x1[k], y1[k]
                    u0, v0 = a * u - p * v + b * m - q * n, a * v + p * u + b * n + q * m
                    u1, v1 = c * u - r * v + d * m - s * n, c * v + r * u + d * n + s * m
                    x0[k], y0[k], x1[k], y1[k] = u0, v0, u1, v1
                    u, v, m, n = e0[k], f0[k], e1[k], f1[k]
                    s00, t00 = s00 + u * u0 + v * v0, t00 + v * u0 - u * v0
                    s01, t01 = s01 + u * u1 + v * v1, t01 + v * u1 - u * v1
                    s10, t10 = s10 + m * u0 + n * v0, t10 + n * u0 - m * v0
                    s11, t11 = s11 + m * u1 + n * v1, t11 + n * u1 - m * v1
                    e0[k], f0[k] = a * u - p * v + b * m - q * n, a * v + p * u + b * n + q * m
                    e1[k], f1[k] = c * u - r * v + d * m - s * n, c * v + r * u + d * n + s * m
            slopes[layer, wire, 0, 0], slopes[layer, wire, 0, 1] = s00 + 1j * t00, s01 + 1j * t01
            slopes[layer, wire, 1, 0], slopes[layer, wire, 1, 1] = s10 + 1j * t10, s11 + 1j * t11
