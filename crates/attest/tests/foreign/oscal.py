"""Whether OSCAL assessment results are well-formed, as compliance-trestle sees it: exit code 0 or 1 for each file named."""

import pathlib
import sys

from trestle.oscal.assessment_results import Model

for name in sys.argv[1:]:
    try:
        Model.model_validate_json(pathlib.Path(name).read_text())
        print("sound")
    except ValueError as error:
        print("refused", str(error).splitlines()[0])
