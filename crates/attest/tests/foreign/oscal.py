"""Whether OSCAL assessment results and plans of action are well-formed, as compliance-trestle sees it: exit code 0 or 1 for each file named."""

import json
import pathlib
import sys

from trestle.oscal.assessment_results import Model as Results
from trestle.oscal.poam import Model as Plan

for name in sys.argv[1:]:
    try:
        text = pathlib.Path(name).read_text()
        model = Plan if "plan-of-action-and-milestones" in json.loads(text) else Results
        model.model_validate_json(text)
        print("sound")
    except ValueError as error:
        print("refused", str(error).splitlines()[0])
