"""Wrong edits: each takes a sentence and returns one that does not follow from it, or None where
it does not apply.

An edit is a function `(text, rng, texts) -> claim`; `texts` are other sentences of the same
split, to borrow from. Templates
(`TEMPLATES`) stand beside the edits of real sentences for what is rare there: (source, claim)
with the slots of `claim_texts`.
"""

from claim_drops import (
    drop_attribution,
    drop_bound,
    drop_condition,
    drop_degree,
    drop_denial,
    drop_exception,
    drop_modality,
    drop_negation,
    drop_only,
    drop_quantifier,
    drop_restriction,
    drop_time,
)
from claim_editing import Edit
from claim_opposites import (
    add_negation,
    change_comparative,
    change_quantifier,
    change_tense,
    mix_two_sentences,
    say_the_opposite,
    strengthen_modality,
    swap_compared,
)
from claim_values import (
    change_date,
    change_number,
    change_unit,
    number_of_another,
    replace_name,
    swap_names,
    swap_numbers,
    swap_roles,
)

__all__ = ["WRONG", "Edit"]

WRONG: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        drop_condition,
        drop_exception,
        drop_negation,
        add_negation,
        drop_modality,
        strengthen_modality,
        drop_attribution,
        drop_denial,
        drop_bound,
        change_quantifier,
        drop_quantifier,
        drop_only,
        drop_restriction,
        drop_time,
        drop_degree,
        swap_names,
        swap_roles,
        replace_name,
        swap_numbers,
        number_of_another,
        change_number,
        change_unit,
        change_date,
        change_tense,
        change_comparative,
        swap_compared,
        say_the_opposite,
        mix_two_sentences,
    )
}
