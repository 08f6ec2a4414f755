package ai.seedcore.serve.anomaly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Sends series that break numeric code. With {@code -Dfuzz.points=700000}, the kinds together have
 * ten million points.
 */
class DifficultSeriesTest {

  private static final int POINTS = Integer.getInteger("fuzz.points", 20_000);
  private static final int PER_REQUEST = 10_000;

  private final AnomalyDetector detector = new AnomalyDetector();

  enum Kind {
    CONSTANT {
      @Override
      double value(Random random, int i) {
        return 42;
      }
    },
    REPEATED {
      @Override
      double value(Random random, int i) {
        return random.nextInt(20) == 0 ? random.nextInt(3) : 1;
      }
    },
    ALTERNATING_SIGNS {
      @Override
      double value(Random random, int i) {
        return (i % 2 == 0 ? 1 : -1) * Math.pow(10, random.nextInt(300));
      }
    },
    HUGE {
      @Override
      double value(Random random, int i) {
        return random.nextBoolean() ? Double.MAX_VALUE : -Double.MAX_VALUE * random.nextDouble();
      }
    },
    TINY {
      @Override
      double value(Random random, int i) {
        return Double.MIN_VALUE * random.nextInt(1_000);
      }
    },
    ALL_MAGNITUDES {
      @Override
      double value(Random random, int i) {
        double any = Double.longBitsToDouble(random.nextLong());
        return Double.isFinite(any) ? any : 0;
      }
    },
    STEPS {
      @Override
      double value(Random random, int i) {
        return Math.floor(i / 97.0) * 1e6;
      }
    },
    INTEGERS {
      @Override
      double value(Random random, int i) {
        return random.nextInt(5) - 2;
      }
    },
    NOISE_OF_1E_12 {
      @Override
      double value(Random random, int i) {
        return 1 + 1e-12 * random.nextGaussian();
      }
    },
    RESETTING_COUNTER {
      @Override
      double value(Random random, int i) {
        return i % 1_009 * 1e9 + random.nextInt(1_000);
      }
    },
    MOSTLY_ZERO {
      @Override
      double value(Random random, int i) {
        return random.nextInt(500) == 0 ? Math.exp(10 * random.nextGaussian()) : 0;
      }
    },
    ZEROS_OF_BOTH_SIGNS {
      @Override
      double value(Random random, int i) {
        return random.nextBoolean() ? 0.0 : -0.0;
      }
    },
    PERIODIC {
      @Override
      double value(Random random, int i) {
        return Math.sin(2 * Math.PI * i / 288);
      }
    },
    GROWING {
      @Override
      double value(Random random, int i) {
        return Math.exp(i % PER_REQUEST / 20.0);
      }
    };

    abstract double value(Random random, int i);
  }

  @ParameterizedTest
  @EnumSource
  void everySeriesIsAnsweredWithScores(Kind kind) {
    Random random = new Random(kind.ordinal());
    for (int from = 0; from < POINTS; from += PER_REQUEST) {
      StringBuilder one = new StringBuilder("{\"data\":[");
      StringBuilder three = new StringBuilder("{\"data\":[");
      for (int i = from; i < from + PER_REQUEST; i++) {
        double value = kind.value(random, i);
        one.append(i == from ? "" : ",").append(value);
        three
            .append(i == from ? "" : ",")
            .append("{\"a\":%s,\"b\":%s,\"c\":%s}".formatted(value, -value, random.nextInt(2)));
      }
      check(one.append("]}").toString());
      if (from == 0) {
        check(three.append("]}").toString());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CONSTANT", "NOISE_OF_1E_12", "ZEROS_OF_BOTH_SIGNS", "PERIODIC"})
  void seriesWithoutChangeIsNormal(Kind kind) {
    Random random = new Random(1);
    StringBuilder body = new StringBuilder("{\"data\":[");
    for (int i = 0; i < 4_032; i++) {
      body.append(i == 0 ? "" : ",").append(kind.value(random, i));
    }
    assertThat((List<?>) check(body.append("]}").toString()).get("anomalies")).isEmpty();
  }

  private Map<?, ?> check(String body) {
    Map<?, ?> reply = (Map<?, ?>) detector.call(body).body();
    assertThat(reply.get("status")).as(body.substring(0, 200)).isEqualTo("success");
    for (Object score : (List<?>) reply.get("scores")) {
      assertThat((Double) score >= 0 && (Double) score < 1).as(score.toString()).isTrue();
    }
    return reply;
  }
}
