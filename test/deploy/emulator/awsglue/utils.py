"""What a script meets of Glue's own reader of options (github.com/awslabs/aws-glue-libs, branch glue-5.0): ids of the job are options already."""

import argparse


def getResolvedOptions(arguments, names):
    parser = argparse.ArgumentParser()
    for name in ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION"):
        parser.add_argument(f"--{name}")
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    return vars(parser.parse_known_args(arguments[1:])[0])
