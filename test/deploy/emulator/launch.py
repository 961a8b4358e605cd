"""Starts MiniStack with what it lacks for a deploy of Headgate; known gaps that remain stand in ../gaps.ts.

Each part changes private functions of the pinned version; one that is not there any more stops the start with its name.
"""

import functions
import lake_formation
import queries
import spark_jobs
import stacks

for part in (stacks, functions, lake_formation, queries, spark_jobs):
    part.install()

from ministack.app import main

main()
