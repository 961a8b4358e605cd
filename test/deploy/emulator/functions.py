"""Lambda: an error has the name that its class gives it, which Catch of the state machine goes by."""

import threading

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from seams import replace

ERROR = 'status: "error", error: String(err.message || err), trace: err.stack || ""'
NAMED = 'status: "error", errorType: err.name || "Error", error: String(err.message || err), trace: err.stack || ""'

last = threading.local()


def install():
    replace(lambda_runtime, "_NODEJS_WORKER_SCRIPT", named)
    replace(lambda_runtime.Worker, "invoke", remembering)
    replace(lambda_svc, "_execute_function_warm", with_error_type)


def named(script):
    if script.count(ERROR) != 1:
        raise SystemExit("MiniStack's worker for Node answers errors in another way than the launcher knows")
    return script.replace(ERROR, NAMED)


def remembering(original):
    def invoke(*args, **kwargs):
        response = original(*args, **kwargs)
        last.error_type = response.get("errorType")
        return response

    return invoke


def with_error_type(original):
    def execute(*args, **kwargs):
        if not args[0].get("code_zip"):
            raise RuntimeError("a function without code does not run")
        last.error_type = None
        result = original(*args, **kwargs)
        if result.get("error") and last.error_type:
            result["body"]["errorType"] = last.error_type
        return result

    return execute
