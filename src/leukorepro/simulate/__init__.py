"""Procedural smears with known subjects: what they look like, and whole data sets of them."""

from leukorepro.simulate.dataset import simulate
from leukorepro.simulate.population import Population, Subject, fresh_subjects
from leukorepro.simulate.scenes import FORMS, Picture, render
from leukorepro.simulate.traits import Traits

__all__ = ["FORMS", "Picture", "Population", "Subject", "Traits", "fresh_subjects", "render", "simulate"]
