"""A gate holds what breaks its rules, and nothing else."""

import subprocess
import sys

import pandas as pd
import pytest

from expectations.gate import Gate, Rule, are_equal, at_least, at_most, is_false, is_present, matches
from expectations.runner import judge

GATE = Gate(
    name="letters",
    title="Letters",
    subject="letter",
    rules=(
        Rule("is_small", at_most("size", 10), "size {size} is above 10", "make it smaller"),
        Rule("is_whole", are_equal("sent", "received"), "{sent} sent, {received} received", "send it again"),
        Rule("is_signed", is_false("is_anonymous"), "nobody signed it", "sign it", is_overridable=False),
    ),
)


def letters(**columns):
    plain = {"letter": ["a", "b"], "size": [1.0, 2.0], "sent": [5, 6], "received": [5, 6], "is_anonymous": [False] * 2}
    return pd.DataFrame(plain | columns)


def test_nothing_is_held_where_every_rule_holds():
    judgement = judge(GATE, letters())
    assert judgement.subjects == ("a", "b")
    assert judgement.findings == ()
    assert judgement.document["success"] is True


def test_a_row_holds_its_own_subject_and_says_why():
    judgement = judge(GATE, letters(size=[1, 11], received=[5, 4]))
    assert judgement.held == {"b"}
    assert [(f.rule, f.problem, f.remedy) for f in judgement.findings] == [
        ("is_small", "size 11 is above 10", "make it smaller"),
        ("is_whole", "6 sent, 4 received", "send it again"),
    ]
    assert judgement.findings[0].observed["letter"] == "b"
    assert judgement.document["success"] is False


def test_what_was_not_measured_is_not_judged():
    assert judge(GATE, letters(size=[None, 3.0])).held == frozenset()


def test_a_decision_may_be_ruled_out():
    (finding,) = judge(GATE, letters(is_anonymous=[True, False])).findings
    assert (finding.subject, finding.is_overridable) == ("a", False)


def test_no_rows_is_no_question():
    assert judge(GATE, letters().iloc[:0]).subjects == ()


def test_a_rule_that_cannot_be_evaluated_is_an_error_not_a_pass():
    with pytest.raises(ValueError, match="is_small"):
        judge(GATE, letters().drop(columns="size"))


def test_the_other_forms_of_rules():
    rules = (
        Rule("is_known", is_present("name"), "no name", "name it"),
        Rule("is_large", at_least("size", 2), "size {size}", "enlarge it"),
        Rule("is_hex", matches("name", "^[0-9a-f]+$"), "{name} is not hex", "convert it"),
    )
    rows = pd.DataFrame({"thing": ["x", "y", "z"], "name": ["ff", None, "q"], "size": [2, 3, 1]})
    judgement = judge(Gate("things", "Things", "thing", rules), rows)
    assert [(f.subject, f.rule) for f in judgement.findings] == [
        ("y", "is_known"),
        ("z", "is_large"),
        ("z", "is_hex"),
    ]


WITHOUT_DISTRIBUTIONS = """
import sys
import pandas as pd
from expectations.gate import Gate, Rule, at_most
from expectations.runner import judge
rule = Rule("is_small", at_most("size", 10), "size {size} is above 10", "make it smaller")
print(judge(Gate("letters", "Letters", "letter", (rule,)), pd.DataFrame({"letter": ["a"], "size": [11]})).held)
print([name for name in ("altair", "scipy.stats") if name in sys.modules])
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as asked
print(asked.stats.entropy([0.5, 0.5], [0.5, 0.5]), asked.alt.__name__)
import scipy.stats
print(scipy.stats.norm.cdf(0))
"""


def test_a_gate_judges_without_distributions_which_are_imported_once_somebody_asks():
    done = subprocess.run([sys.executable, "-c", WITHOUT_DISTRIBUTIONS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["frozenset({'a'})", "[]", "0.0 altair", "0.5"]


def test_the_library_is_there_once_what_was_done_meanwhile_is():
    program = "import sys\nfrom expectations.runner import loaded_meanwhile\nwith loaded_meanwhile(): pass\n"
    program += "print('great_expectations' in sys.modules, 'scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
