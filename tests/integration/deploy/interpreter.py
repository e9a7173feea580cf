"""moto's interpreter of the Amazon States Language, with what 5.2.5 lacks for a task of ECS."""

from __future__ import annotations

import datetime
import json
import os
from typing import Any

import botocore.session
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
    StateTaskServiceEcs,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.backend import execution_worker

_session = botocore.session.get_session()


def _model(state: StateTaskService, service: str | None, action: str | None) -> Any:
    model = _session.get_service_model(state._get_boto_service_name(service))
    wanted = state._get_boto_service_action(action).replace("_", "")
    name = next(it for it in model.operation_names if it.lower() == wanted)
    return model.operation_model(name)


def _write_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _write_times(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_write_times(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _to_request(self: Any, parameters: Any, boto_service_name: Any = None, service_action_name: Any = None) -> None:
    shape = _model(self, boto_service_name, service_action_name).input_shape
    if shape is not None:
        self._to_boto_request(parameters, shape)


def _from_response(self: Any, response: Any, boto_service_name: Any = None, service_action_name: Any = None) -> None:
    shape = _model(self, boto_service_name, service_action_name).output_shape
    if shape is not None:
        self._from_boto_response(response, shape)
    if isinstance(response, dict):
        response.update(_write_times(response))


_build_resolver = StateTaskServiceEcs._build_sync_resolver


def _fail_on_exit_code(self: Any, env: Any, **arguments: Any) -> Any:
    """A task whose container exits with another code than 0 fails, with its description as the cause."""
    resolve = _build_resolver(self, env=env, **arguments)

    def resolver() -> Any:
        task = resolve()
        if task and any(it.get("ExitCode") for it in task["Containers"]):
            details = TaskFailedEventDetails(
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
                error="States.TaskFailed",
                cause=json.dumps(_write_times(task)),
            )
            failure = FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),
            )
            raise FailureEventException(failure)
        return task

    return resolver


_wait_for_task = StateTaskServiceCallback._eval_sync


def _wait_without_token(self: Any, env: Any, sync_resolver: Any, timeout_seconds: Any, **_: Any) -> Any:
    """The token of a failed attempt is interrupted and used again: the next attempt would end at once."""
    return _wait_for_task(
        self,
        env=env,
        sync_resolver=sync_resolver,
        timeout_seconds=timeout_seconds,
        callback_endpoint=None,
        heartbeat_endpoint=None,
    )


def _start_with_text(**arguments: Any) -> Any:
    """The context has the start as a text in ISO 8601."""
    start = arguments["StartTime"].astimezone(datetime.timezone.utc)
    text = start.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _execution(**{**arguments, "StartTime": text})


_execution = execution_worker.ExecutionData


def create_app() -> Any:
    execution_worker.ExecutionData = _start_with_text
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    # Names are compared in lower case, while ECS has camel case.
    StateTaskService._normalise_parameters = _to_request
    StateTaskService._normalise_response = _from_response
    StateTaskServiceEcs._build_sync_resolver = _fail_on_exit_code
    StateTaskServiceCallback._eval_sync = _wait_without_token
    return DomainDispatcherApplication(create_backend_app)


def set_port(port: int) -> None:
    """The port at which the interpreter calls other services."""
    os.environ["MOTO_PORT"] = str(port)
