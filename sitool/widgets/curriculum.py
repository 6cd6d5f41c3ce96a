"""The next round's mixture: a rule and its settings, a weight for each level, what it draws.

Every slider is made from the setting's own declaration, with its bounds and its help. What
this leaves out: how a rule makes weights (`sitool/curriculum/rules.py`).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets

from sitool.client import Study
from sitool.config import CurriculumSettings
from sitool.front.declared import Setting, settings_of
from sitool.front.desk import Look
from sitool.front.mixture import (
    NO_LEVEL,
    RULES,
    TURNED_ALWAYS,
    TURNED_BY_RULE,
    rule_words,
    success_by_level,
    weighed,
)
from sitool.html.markup import Markup, join, tag
from sitool.study.pieces import FAINT, GREY, ORANGE, bar, faint, lead, paragraph, sheet
from sitool.widgets.part import Part
from sitool.widgets.signal import turn
from sitool.widgets.view import View

MEASURE_FIRST = "Step once: the base is measured first."
ABOUT_WEIGHT = "Its share of the next round's problems; moving it makes the rule manual."
BAND = "band"
"""The slider of `low` and `high`, which is one."""
LABEL = "11.5em"
NAMES = {
    "ahead": "from the level after", "review": "from levels passed", "shift": "levels harder",
    "lowest": "easiest level", "highest": "hardest level (0: all)", "rounds": "over rounds",
    "sigma": "width, in levels", "mu_exp": "power of progress", "p_min": "least weight",
}  # fmt: skip
"""What stands before a slider."""


class Curriculum(Part):
    """Which levels the next round draws from, and the sliders to change it.

    Args:
        study: The study, or a view of it.
    """

    def __init__(self, study: Study | View) -> None:
        self.rule = ipywidgets.Dropdown(
            options=RULES, description="rule", disabled=True, layout={"width": "16em"}
        )
        self.easier, self.harder = (
            ipywidgets.Button(
                description=word.capitalize(), layout={"width": "6em"}, disabled=True,
                tooltip=f"Move the whole mixture one level {word}.",
            )
            for word in ("easier", "harder")
        )  # fmt: skip
        self.sentence, self.title = ipywidgets.HTML(), ipywidgets.HTML()
        self.knobs: dict[str, ipywidgets.Widget] = {}
        self.weights: dict[int, ipywidgets.FloatSlider] = {}
        self._beside: dict[int, ipywidgets.HTML] = {}
        self._knob_box, self._level_box = ipywidgets.VBox(), ipywidgets.VBox()
        row = ipywidgets.HBox((self.rule, self.easier, self.harder))
        children = (self.title, row, self._knob_box, self._level_box, self.sentence)
        super().__init__(study, children)
        self.rule.observe(self._take_rule, "value")
        self.easier.on_click(lambda _: turn(self.view, "easier"))
        self.harder.on_click(lambda _: turn(self.view, "harder"))
        self.watch(self._draw, "look", "shown", "failed")
        self._draw(None)

    # What a person does.

    def _take_rule(self, change: Any) -> None:
        if not self.filling:
            self._set({"rule": change["new"]})

    def _take_knob(self, name: str, change: Any) -> None:
        if self.filling:
            return
        if name == BAND:
            low, high = (round(end, 2) for end in change["new"])
            self._set({"low": low, "high": high})
            return
        value = change["new"]
        self._set({name: round(value, 4) if isinstance(value, float) else value})

    def _take_weight(self, level: int, change: Any) -> None:
        look = self.view.look
        if self.filling or look is None or look.plan is None:
            return
        changes = weighed(look.plan.weights, level, change["new"])
        if changes is None:
            self.view.say(NO_LEVEL, failed=True)
            self._draw(None)
            return
        self._set(changes)

    def _set(self, changes: Mapping[str, Any]) -> None:
        given = ", ".join(f"{name}={value!r}" for name, value in changes.items())
        line = f"study.curriculum.set({given})"
        self.view.do(line, lambda study: study.curriculum.set(**changes))

    # What is drawn.

    def _draw(self, change: Any) -> None:
        """Follow the study, but never pull a slider back that a person has just moved."""
        look = self.view.look
        if look is None or self.view.waiting:
            return
        with self.fill():
            self._make(look)
            self._draw_knobs(look.summary.settings.curriculum)
            self._draw_levels(look)

    def _make(self, look: Look) -> None:
        """Make the sliders, once the study's task is known."""
        levels = _levels(look)
        if not self.knobs:
            self._make_knobs(look.summary.settings.task.name)
        if levels != sorted(self.weights):
            self._make_levels(levels)

    def _make_knobs(self, task: str) -> None:
        declared = {
            s.name: s for s in settings_of(task) if s.group == "curriculum" and s.name in NAMES
        }
        self.knobs = {BAND: _band(settings_of(task))} | {
            name: _knob(declared[name]) for name in NAMES
        }
        for name, knob in self.knobs.items():
            knob.observe(partial(self._take_knob, name), "value")
        self._knob_box.children = tuple(self.knobs.values())
        for widget in (self.rule, self.easier, self.harder):
            widget.disabled = False

    def _make_levels(self, levels: list[int]) -> None:
        row, style = ipywidgets.Layout(align_items="center"), {"description_width": "3.8em"}
        wide, beside = (
            ipywidgets.Layout(flex="0 0 min(26em, 39%)"),
            ipywidgets.Layout(margin="0 0 0 4px"),
        )
        self.weights = {
            level: ipywidgets.FloatSlider(
                min=0, max=1, step=0.01, description=f"level {level}", layout=wide, style=style,
                continuous_update=False, readout_format=".2f",
                tooltip=ABOUT_WEIGHT,
            )
            for level in levels
        }  # fmt: skip
        self._beside = {level: ipywidgets.HTML(layout=beside) for level in levels}
        for level, slider in self.weights.items():
            slider.observe(partial(self._take_weight, level), "value")
        self._level_box.children = tuple(
            ipywidgets.HBox((self.weights[level], self._beside[level]), layout=row)
            for level in levels
        )

    def _draw_knobs(self, settings: CurriculumSettings) -> None:
        self.rule.value = settings.rule
        turned = {*TURNED_BY_RULE[settings.rule], *TURNED_ALWAYS}
        for name, knob in self.knobs.items():
            shown = "low" in turned if name == BAND else name in turned
            knob.layout.display = None if shown else "none"
            value = (settings.low, settings.high) if name == BAND else getattr(settings, name)
            if knob.value != value:
                knob.value = value

    def _draw_levels(self, look: Look) -> None:
        plan = look.plan
        self.title.value = str(_title(look))
        self.sentence.value = str(paragraph(MEASURE_FIRST if plan is None else plan.sentence))
        for level, slider in self.weights.items():
            weight = 0.0 if plan is None else plan.weights.get(level, 0.0)
            if abs(slider.value - weight) > 1e-9:
                slider.value = weight
            slider.disabled = plan is None
            slider.tooltip = MEASURE_FIRST if plan is None else ABOUT_WEIGHT
            self._beside[level].value = str(_beside(look, self.view.shown, level))

    def page(self) -> Markup:
        """Show the mixture and what it draws."""
        look = self.view.look
        if look is None:
            return faint(self.view.said)
        plan = look.plan
        if plan is None:
            return join([_title(look), paragraph(MEASURE_FIRST)])
        rows = [
            (f"level {level}", f"{plan.weights.get(level, 0.0):.0%}",
             _beside(look, self.view.shown, level))
            for level in _levels(look)
        ]  # fmt: skip
        heads = ("level", "weight", "measured success, and what the next round draws")
        return join([_title(look), sheet(heads, rows, numbers_from=3), paragraph(plan.sentence)])


def _levels(look: Look) -> list[int]:
    planned = {} if look.plan is None else look.plan.weights
    return sorted({*planned, *success_by_level(look.summary, look.summary.head)})


def _title(look: Look) -> Markup:
    settings = look.summary.settings.curriculum
    return lead(f"Curriculum of the next round: {rule_words(settings)}")


def _beside(look: Look, shown: int | None, level: int) -> Markup:
    """Draw what was measured on a level, and say what the next round draws of it."""
    settings = look.summary.settings.curriculum
    success = success_by_level(look.summary, shown).get(level)
    drawn = 0 if look.plan is None else look.plan.problems.get(level, 0)
    words = f"draws {drawn:,}" if drawn else "not drawn"
    if success is None:
        return tag("span", f"not measured, {words}", style=FAINT)
    inside = settings.low <= success <= settings.high
    measured = bar(success, f"success {success:.2f}", ORANGE if inside else GREY)
    where = " in band" if inside else ""
    said = f" success {success:.2f}{where}, {words}"
    return tag("span", measured, said, style="white-space:nowrap")


def _band(settings: list[Setting]) -> ipywidgets.FloatRangeSlider:
    ends = {s.name: s for s in settings if s.path in ("curriculum.low", "curriculum.high")}
    return ipywidgets.FloatRangeSlider(
        min=ends["low"].low,
        max=ends["high"].high,
        step=0.01,
        description="target band",
        readout_format=".2f",
        continuous_update=False,
        tooltip=f"{ends['low'].about} {ends['high'].about}",
        layout={"width": "31em"},
        style={"description_width": LABEL},
    )


def _knob(setting: Setting) -> ipywidgets.Widget:
    """Make what turns a setting, within the bounds of its declaration."""
    shared: dict[str, Any] = {
        "min": setting.low, "max": setting.high, "description": NAMES[setting.name],
        "tooltip": f"{setting.about} Allowed: {setting.allowed}.", "continuous_update": False,
        "style": {"description_width": LABEL},
    }  # fmt: skip
    if setting.kind == "whole":
        whole = shared | {"min": int(setting.low), "max": int(setting.high)}
        return ipywidgets.BoundedIntText(**whole, layout={"width": "20em"})
    if setting.high <= 1:
        return ipywidgets.FloatSlider(**shared, step=0.01, layout={"width": "31em"})
    lowest = {"min": 0.01} if setting.open_low else {}
    return ipywidgets.BoundedFloatText(**shared | lowest, step=0.05, layout={"width": "20em"})
