"""CodeDeploy's pre-traffic hook: has the functions' new versions answer the recorded events of events/."""

import os
from pathlib import Path

import boto3

from sundial.smoke import hook_handler
from sundial.smoke.hook import LambdaAndCodeDeploy

handler = hook_handler(
    LambdaAndCodeDeploy(boto3.client("lambda"), lambda: boto3.client("codedeploy")),
    os.environ,
    Path(__file__).with_name("events"),
)
