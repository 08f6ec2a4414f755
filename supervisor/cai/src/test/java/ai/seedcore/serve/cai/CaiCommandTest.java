package ai.seedcore.serve.cai;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.node.ObjectNode;

/** Runs the commands against a fake workbench that rejects requests outside the API definition. */
@Tag("slow")
class CaiCommandTest {

  private static final List<String> ALL =
      List.of("seedcore-head", "seedcore-serve", "seedcore-worker-1", "seedcore-worker-2");

  @TempDir Path folder;
  private final Map<String, String> environment = new HashMap<>();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private Workbench workbench;

  @BeforeEach
  void start() throws IOException {
    workbench = new Workbench();
    environment.put("CML_HOST", workbench.url());
    environment.put("CML_API_KEY", Workbench.KEY);
    environment.put("CDSW_PROJECT_ID", Workbench.PROJECT);
  }

  @AfterEach
  void end() {
    workbench.close();
    assertThat(out.toString() + err).doesNotContain(Workbench.KEY);
  }

  @Test
  void secondLaunchChangesNothing() {
    assertThat(run("launch", "--num-workers=2", "--cpu=4", "--memory=16")).isZero();
    assertThat(workbench.names("APPLICATION_RUNNING")).isEqualTo(ALL);
    assertThat(out.toString())
        .contains("seedcore-head", "running", "uploaded ray_head_launcher.py");
    ObjectNode head = workbench.applications.values().iterator().next();
    assertThat(head.path("script").asString()).isEqualTo("ray_head_launcher.py");
    assertThat(head.path("memory").asDouble()).isEqualTo(16);
    assertThat(head.path("runtime_identifier").asString())
        .isEqualTo("PBJWorkbench/Python3.11/Standard/2025.06/ENABLED");
    workbench.requests.clear();
    assertThat(run("launch", "--num-workers=2", "--cpu=4", "--memory=16")).isZero();
    assertThat(workbench.requests)
        .allMatch(each -> each.startsWith("GET ") || each.endsWith(":download"));
    assertThat(run("status")).isZero();
  }

  @Test
  void launchContinuesAfterFailure() {
    for (int i = 0; i < 40; i++) {
      workbench.fault("POST .*/applications$", 503, false);
    }
    assertThat(run("launch", "--num-workers=2")).isEqualTo(3);
    assertThat(err.toString()).contains("application seedcore-head", "responded with status 503");
    workbench.faults.clear();
    workbench.ends.put("seedcore-head", "APPLICATION_STARTING");
    assertThat(run("launch", "--num-workers=2", "--timeout=1")).isEqualTo(3);
    assertThat(err.toString()).contains("not all applications are running after 1 s");
    workbench.ends.clear();
    assertThat(run("launch", "--num-workers=2")).isZero();
    assertThat(workbench.names("APPLICATION_RUNNING")).isEqualTo(ALL);
  }

  @Test
  void createsApplicationOnceAfterLostResponse() {
    workbench.fault("POST .*/applications$", 502, true);
    workbench.fault("POST .*/applications$", 429, false);
    workbench.fault("GET .*/applications$", 500, false);
    assertThat(run("launch", "--num-workers=2")).isZero();
    assertThat(workbench.names("APPLICATION_RUNNING")).isEqualTo(ALL);
    assertThat(out.toString()).contains("injected lost response", "retrying in");
  }

  @Test
  void launchUpdatesAndRemovesApplications() {
    assertThat(run("launch", "--num-workers=4")).isZero();
    assertThat(run("launch", "--num-workers=2", "--memory=12")).isZero();
    assertThat(workbench.names("APPLICATION_RUNNING")).isEqualTo(ALL);
    assertThat(out.toString())
        .contains("seedcore-worker-4: no longer needed, removing", "seedcore-head: updating");
    assertThat(
            workbench.applications.values().stream()
                .map(each -> each.path("memory").asDouble())
                .toList())
        .containsExactlyInAnyOrder(12.0, 12.0, 12.0, 2.0);
  }

  @Test
  void launchRestartsStoppedAndNamesFailedApplications() {
    assertThat(run("launch")).isZero();
    assertThat(run("stop")).isZero();
    assertThat(workbench.names("APPLICATION_STOPPED")).hasSize(3);
    List<String> stops = new ArrayList<>(workbench.requests);
    stops.removeIf(each -> !each.endsWith(":stop"));
    assertThat(stops).hasSize(3);
    assertThat(run("status")).isEqualTo(3);
    workbench.ends.put("seedcore-worker-1", "APPLICATION_FAILED");
    assertThat(run("launch")).isEqualTo(2);
    assertThat(err.toString()).contains("seedcore-worker-1 failed; see its log in the workbench");
    workbench.ends.clear();
    assertThat(run("launch")).isZero();
  }

  @Test
  void stopDeletesOnlyApplicationsOfCluster() {
    assertThat(run("launch", "--name=other", "--num-workers=0")).isZero();
    assertThat(run("launch")).isZero();
    assertThat(run("stop", "--delete")).isZero();
    assertThat(workbench.names("APPLICATION_RUNNING")).containsExactly("other-head", "other-serve");
    assertThat(run("stop", "--delete")).isZero();
    assertThat(run("status")).isEqualTo(3);
    assertThat(out.toString()).contains("found no applications with the prefix seedcore");
  }

  @Test
  void setupCreatesProjectFilesAndEnvironment() {
    environment.remove("CDSW_PROJECT_ID");
    environment.put("GITHUB_REPOSITORY", "owner/ray-serve-cai");
    assertThat(run("setup")).isZero();
    assertThat(out.toString())
        .contains("project ray-serve-cai: creating from https://github.com/owner/ray-serve-cai")
        .contains("export CDSW_PROJECT_ID=id-0001");
    assertThat(workbench.files.keySet())
        .contains(
            "ray_head_launcher.py",
            "ray_worker_launcher.py",
            "seedcore_cai.py",
            "seedcore_setup.py");
    assertThat(workbench.jobs.values().iterator().next().path("script").asString())
        .isEqualTo("seedcore_setup.py");
    assertThat(run("setup")).isZero();
    assertThat(workbench.projects).hasSize(2);
    assertThat(workbench.jobs).hasSize(1);
    workbench.runEnds = "ENGINE_FAILED";
    assertThat(run("setup")).isEqualTo(2);
    assertThat(err.toString()).contains("job seedcore-setup ended with ENGINE_FAILED");
  }

  @Test
  void launchReplacesOutdatedAndIncompleteFiles() throws IOException {
    workbench.files.put("ray_head_launcher.py", "old".getBytes(StandardCharsets.UTF_8));
    assertThat(run("launch", "--num-workers=0")).isZero();
    String jar =
        workbench.files.keySet().stream().filter(each -> each.endsWith(".jar")).findFirst().get();
    workbench.files.put(jar, new byte[3]);
    assertThat(run("launch", "--num-workers=0")).isZero();
    assertThat(new String(workbench.files.get("ray_head_launcher.py"), StandardCharsets.UTF_8))
        .contains("--dashboard-port");
    assertThat(workbench.files.get(jar)).hasSize(3000);
    assertThat(workbench.files.keySet()).noneMatch(each -> each.contains("(1)"));
  }

  @Test
  void writesExecutableLaunchers() {
    assertThat(run("launchers", "--home=" + folder)).isZero();
    assertThat(folder.resolve("ray_head_launcher.py")).isExecutable();
    assertThat(folder.resolve("ray_worker_launcher.py")).isExecutable();
    assertThat(run("launchers", "--home=" + folder.resolve("none"))).isEqualTo(2);
    assertThat(err.toString()).contains("--home: found no directory");
  }

  @Test
  void explainsApiErrors() {
    environment.put("CML_API_KEY", "wrong");
    assertThat(run("status")).isEqualTo(2);
    assertThat(err.toString()).contains("CML_API_KEY: ", "does not accept it (no valid api key)");
    environment.put("CML_API_KEY", Workbench.KEY);
    workbench.fault("GET .*", 403, false);
    assertThat(run("status")).isEqualTo(2);
    assertThat(err.toString()).contains("is not allowed to do this (injected failure)");
    environment.put("CDSW_PROJECT_ID", "none");
    assertThat(run("setup")).isEqualTo(2);
    assertThat(err.toString()).contains("project none: ", "is CDSW_PROJECT_ID right?");
    environment.put("CDSW_PROJECT_ID", Workbench.PROJECT);
    workbench.fault("POST .*/applications$", 422, false);
    assertThat(run("launch")).isEqualTo(2);
    assertThat(err.toString())
        .contains("application seedcore-head: rejected by the workbench (injected failure)");
    environment.put("CML_HOST", "http://127.0.0.1:1");
    assertThat(run("status")).isEqualTo(3);
    assertThat(err.toString()).contains("no response from");
  }

  @Test
  void rejectsInvalidOptionsBeforeAnyRequest() {
    for (String[] each :
        new String[][] {
          {"CML_API_KEY", "", "CML_API_KEY: found nothing, expected an API v2 key"},
          {"CML_HOST", "", "--host: found '', expected the workbench's URL"},
          {"CML_HOST", "http://workbench.example", "--host: found 'http://workbench.example'"},
          {"CDSW_PROJECT_ID", "", "--project: found nothing, expected the project id"},
        }) {
      String before = environment.put(each[0], each[1]);
      assertThat(run("launch")).isEqualTo(2);
      assertThat(err.toString()).contains(each[2]);
      environment.put(each[0], before);
    }
    assertThat(run("launch", "--num-workers=-1")).isEqualTo(2);
    assertThat(err.toString()).contains("--num-workers: found -1, expected 0 to 1000");
    assertThat(run("launch", "--cpu=0")).isEqualTo(2);
    assertThat(run("launch", "--name=Big")).isEqualTo(2);
    assertThat(err.toString()).contains("--name: found 'Big'");
    assertThat(run("launch", "--worker-script=inline")).isEqualTo(2);
    assertThat(err.toString()).contains("inline requires --head-address");
    assertThat(workbench.requests).isEmpty();
  }

  @Test
  void launchesInlineCommands() {
    assertThat(
            run(
                "launch",
                "--head-script=inline",
                "--worker-script=inline",
                "--head-address=h:6379"))
        .isZero();
    assertThat(
            workbench.applications.values().stream()
                .map(each -> each.path("script").asString())
                .toList())
        .contains("ray start --address=h:6379 --block")
        .anyMatch(each -> each.startsWith("ray start --head --port 6379"));
  }

  private int run(String... arguments) {
    try {
      Path jar = folder.resolve("program.jar");
      Files.write(jar, new byte[3000]);
      CommandLine line = new CommandLine(new CaiCommand(environment, jar));
      line.setOut(new PrintWriter(out, true));
      line.setErr(new PrintWriter(err, true));
      List<String> all = new ArrayList<>(List.of(arguments));
      if (!arguments[0].equals("launchers")) {
        all.add("--poll=5");
      }
      return line.execute(all.toArray(String[]::new));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
