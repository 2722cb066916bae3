"""Every update rule in every mode, by a name of its own."""

from __future__ import annotations

from recurra.engines import UpdateRule

__all__ = ["RULES"]

_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "epsilon_hat": 1, "amsgrad": 0}
_RMSPROP = {"rho": 0.9, "momentum": 0, "epsilon": 1e-7, "centered": 0}

RULES = {
    "sgd": UpdateRule("sgd"),
    "sgd-decay": UpdateRule("sgd", {"weight_decay": 0.01}),
    "sgd-momentum-scaled": UpdateRule("sgd", {"momentum": 0.9, "scaled": 1}, ("momentum",)),
    "sgd-momentum-scaled-nesterov": UpdateRule("sgd", {"momentum": 0.9, "scaled": 1, "nesterov": 1}, ("momentum",)),
    "sgd-momentum": UpdateRule("sgd", {"momentum": 0.9, "scaled": 0}, ("momentum",)),
    "sgd-momentum-nesterov": UpdateRule("sgd", {"momentum": 0.9, "scaled": 0, "nesterov": 1}, ("momentum",)),
    "sgd-clipvalue": UpdateRule("sgd", clipvalue=0.01),
    "sgd-clipnorm": UpdateRule("sgd", clipnorm=0.05),
    "sgd-global-clipnorm": UpdateRule("sgd", global_clipnorm=0.05),
    "rmsprop": UpdateRule("rmsprop", _RMSPROP, ("velocity",)),
    "rmsprop-momentum": UpdateRule("rmsprop", _RMSPROP | {"momentum": 0.8}, ("velocity", "momentum")),
    "rmsprop-centered": UpdateRule("rmsprop", _RMSPROP | {"centered": 1}, ("velocity", "average")),
    "rmsprop-centered-momentum": UpdateRule(
        "rmsprop", _RMSPROP | {"centered": 1, "momentum": 0.8}, ("velocity", "momentum", "average")
    ),
    "adam": UpdateRule("adam", _ADAM, ("momentum", "velocity")),
    "adam-plain-epsilon": UpdateRule("adam", _ADAM | {"epsilon_hat": 0}, ("momentum", "velocity")),
    "adam-amsgrad": UpdateRule("adam", _ADAM | {"amsgrad": 1}, ("momentum", "velocity", "velocity_max")),
    "adam-amsgrad-plain-epsilon": UpdateRule(
        "adam", _ADAM | {"amsgrad": 1, "epsilon_hat": 0}, ("momentum", "velocity", "velocity_max")
    ),
    "adam-decay": UpdateRule("adam", _ADAM | {"weight_decay": 0.004}, ("momentum", "velocity")),
    "adam-clipnorm": UpdateRule("adam", _ADAM, ("momentum", "velocity"), clipnorm=0.05),
}
