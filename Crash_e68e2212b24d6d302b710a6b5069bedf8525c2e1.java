import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

public class Crash_e68e2212b24d6d302b710a6b5069bedf8525c2e1 {
    static final String base64Bytes = String.join("", "UE9TVCAvQSBIVFRQLzEuMQ0KSG9zdDogaA0KQ29ubmlvbjogVXBncmFkZSwgSFRUUDItU2V0dGluZ29zdDogaA0KQ29ubmlvbjogVXBncmFkZSwgSFRUUDItU2V0dGluZ3MsIFgtUmVxdWVzdC1IVFRQMi1TZXR0aW5nczogQUENClgtUmVxdWVzdC1JRDogMQ0KWC1SJXF1ZXN0LVRpbWVvdXQtU2Vjb25kczogMA0KQ29udGVudGVudC1MZW5ndGg6cywgWC1SZXF1ZXN0LUhUVFAyLVNldHRpbmdzOiBBQQ0KWC1SZXF1ZXN0LUlEOiAxDQpYLVIlcXVlc3QtVGltZW91dC1TZWNvbmRzOiAwDQpDb250ZW50ZW50LUxlbmd0aDogMg0KDQp7fQ==");

    public static void main(String[] args) throws Throwable {
        Crash_e68e2212b24d6d302b710a6b5069bedf8525c2e1.class.getClassLoader().setDefaultAssertionStatus(true);
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