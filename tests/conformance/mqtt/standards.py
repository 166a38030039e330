"""The standards that the tables answer for."""

from typing import Final

import deviations_3_1_1
import deviations_5_0
import statements_3_1_1
import statements_5_0
from statements import Standard

STANDARDS: Final = (
    Standard("3.1.1", "v3_1_1", statements_3_1_1.STATEMENTS, deviations_3_1_1.DEVIATIONS),
    Standard("5.0", "v5_0", statements_5_0.STATEMENTS, deviations_5_0.DEVIATIONS),
)
