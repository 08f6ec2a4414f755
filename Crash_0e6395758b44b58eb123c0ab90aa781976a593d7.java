import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_0e6395758b44b58eb123c0ab90aa781976a593d7 {
    static final String base64Bytes = String.join("", "R0VUIC8gSFRUUC8wLjENCkhvc3Q6IGgNCg0KR0VUIC9oZWFsdGggSFRUUC8xLjENCkhvc3Q6IGgNCg0KR0VUAQAAACAvLS9yL3N0YXR1c1RUUC8xLjENCnpvc3Q6IGgNCg0K");

    public static void main(String[] args) throws Throwable {
        Crash_0e6395758b44b58eb123c0ab90aa781976a593d7.class.getClassLoader().setDefaultAssertionStatus(true);
        try {
            Method fuzzerInitialize = ai.seedcore.serve.daemon.door.DoorFuzz.class.getMethod("fuzzerInitialize");
            fuzzerInitialize.invoke(null);
        } catch (NoSuchMethodException ignored) {
            try {
                Method fuzzerInitialize = ai.seedcore.serve.daemon.door.DoorFuzz.class.getMethod("fuzzerInitialize", String[].class);
                fuzzerInitialize.invoke(null, (Object) args);
            } catch (NoSuchMethodException ignored1) {
            } catch (IllegalAccessException | InvocationTargetException e) {
                e.printStackTrace();
                System.exit(1);
            }
        } catch (IllegalAccessException | InvocationTargetException e) {
            e.printStackTrace();
            System.exit(1);
        }
        byte[] input = java.util.Base64.getDecoder().decode(base64Bytes);
        ai.seedcore.serve.daemon.door.DoorFuzz.fuzzerTestOneInput(input);
    }
}