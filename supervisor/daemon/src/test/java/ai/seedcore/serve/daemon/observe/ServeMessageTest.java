package ai.seedcore.serve.daemon.observe;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Serve's messages, as Ray 2.39 and 2.60 write them. */
class ServeMessageTest {

  @Test
  void aFailedStartKeepsTheReasonAlone() {
    assertThat(
            ServeMessage.words(
                "The deployment failed to start 3 times in a row. This may be due to a problem with its"
                    + " constructor or initial health check failing. See controller logs for details."
                    + " Retrying after 1 seconds. Error:\nmodel broken.onnx: found no model"))
        .isEqualTo(
            "its replicas failed to start 3 times in a row: model broken.onnx: found no model");
  }

  @Test
  void whatLacksResourcesSaysWhich() {
    assertThat(
            ServeMessage.words(
                "Deployment 'Hungry' in application 'Hungry' has 1 replicas that have taken more than"
                    + " 30s to be scheduled. This may be due to waiting for the cluster to auto-scale or"
                    + " for a runtime environment to be installed. Resources required for each replica:"
                    + " {\"CPU\": 6.0}, total resources available: {\"CPU\": 3.7}. Use `ray status` for"
                    + " more details."))
        .isEqualTo(
            "1 of its replicas have waited for more than 30 s: each needs {\"CPU\": 6.0}, available are"
                + " {\"CPU\": 3.7}");
    assertThat(
            ServeMessage.words(
                "Deployment 'S' in application 'S' has 2 replicas that have taken more than 30s to"
                    + " initialize.\nThis may be caused by a slow __init__ or reconfigure method."))
        .isEqualTo("2 of its replicas have been starting for more than 30 s");
  }

  @Test
  void noExceptionsNameOrFrameIsShown() {
    String trace =
        """
        Traceback (most recent call last):
          File "/opt/ray/controller.py", line 12, in run
        ray.exceptions.RuntimeEnvSetupError: Failed to set up runtime environment.
        java.lang.IllegalStateException: no
        \tat org.example.Model.<init>(Model.java:3)
        """;
    assertThat(ServeMessage.words(trace)).isEqualTo("Failed to set up runtime environment.");
    assertThat(ServeMessage.words("RayTaskError(ValueError): wrong")).isEqualTo("wrong");
    assertThat(ServeMessage.words("java.lang.RuntimeException: java.io.IOException: gone"))
        .isEqualTo("gone");
  }

  @Test
  void theLastLineOfPythonsTracebackTells() {
    String trace =
        """
        Traceback (most recent call last):
          File "/opt/ray/serve/_private/application_state.py", line 926, in _reconcile
            raise value.as_instanceof_cause()
        ray.exceptions.RayTaskError(RuntimeError): ray::build_serve_application() (pid=1)
        RuntimeError: Traceback (most recent call last):
          File "/opt/ray/_common/utils.py", line 93, in import_module_and_attr
            return module, getattr(module, attr_name)
        AttributeError: module 'chat' has no attribute 'nothing'

        """;
    String cause = "AttributeError: module 'chat' has no attribute 'nothing'";
    assertThat(ServeMessage.words("Deploying app 'broken' failed with exception:\n" + trace))
        .isEqualTo("it cannot be imported: " + cause);
    assertThat(ServeMessage.words(trace)).isEqualTo(cause);
    assertThat(
            ServeMessage.words(
                "A replica failed to start with exception. Retrying 2 more time(s). Error:\n"
                    + trace))
        .isEqualTo("a replica failed to start and is being replaced: " + cause);
    assertThat(
            ServeMessage.words(
                """
                Runtime env setup for app 'badpip' failed:
                Traceback (most recent call last):
                  File "/opt/ray/_private/worker.py", line 1055, in get_objects
                ray.exceptions.RuntimeEnvSetupError: Failed to set up runtime environment.
                Last 50 lines of stdout:
                    ERROR: No matching distribution found for no-such-package==77

                """))
        .isEqualTo(
            "its runtime_env cannot be set up:"
                + " ERROR: No matching distribution found for no-such-package==77");
  }

  @Test
  void whatIsShortAndPlainStays() {
    assertThat(ServeMessage.words("Upscaling from 1 to 2 replicas."))
        .isEqualTo("Upscaling from 1 to 2 replicas.");
    assertThat(ServeMessage.words("")).isEmpty();
    assertThat(ServeMessage.words("x".repeat(10_000))).hasSizeLessThan(700);
  }
}
