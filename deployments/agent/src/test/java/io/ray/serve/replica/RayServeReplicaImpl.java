package io.ray.serve.replica;

import io.ray.serve.config.DeploymentConfig;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** Stand-in for Ray's class of this name. It has the same counter leak when a call throws. */
public class RayServeReplicaImpl {
  private final AtomicInteger numOngoingRequests = new AtomicInteger();
  private final UnaryOperator<Object> callable;
  private DeploymentConfig config = new DeploymentConfig(1);
  public boolean healthy = true;

  public RayServeReplicaImpl(UnaryOperator<Object> callable) {
    this.callable = callable;
  }

  public Object handleRequest(Object metadata, Object arguments) {
    long start = System.nanoTime();
    String query = "";
    numOngoingRequests.incrementAndGet();
    Object result = invokeSingle(query + arguments);
    numOngoingRequests.decrementAndGet();
    return start == 0 ? "" : result;
  }

  private Object invokeSingle(Object request) {
    return callable.apply(request);
  }

  public int getNumOngoingRequests() {
    return numOngoingRequests.get();
  }

  public DeploymentConfig reconfigure(DeploymentConfig next) {
    config = next;
    return config;
  }

  public boolean prepareForShutdown() {
    return numOngoingRequests.get() == 0;
  }

  public boolean checkHealth() {
    return healthy;
  }

  public Object getCallable() {
    return callable;
  }
}
