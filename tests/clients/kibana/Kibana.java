// Stands in for Kibana where its image can't be had: boots slowly, then answers the calls that stockdev makes, as
// Kibana 8.12 does. It talks to Elasticsearch with the token it was given, so that a wrong one shows.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Kibana {
    private static final Map<String, String> objects = new ConcurrentHashMap<>();
    private static final long booted = System.currentTimeMillis() + 3000;

    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(5601), 0);
        server.createContext("/", Kibana::answer);
        server.start();
        System.out.println("listening, booting");
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        if (System.currentTimeMillis() < booted) {
            send(exchange, 503, "Kibana server is not ready yet");
        } else if (path.equals("/api/status")) {
            int elasticsearch = elasticsearch();
            String level = elasticsearch == 200 ? "available" : "unavailable";
            send(exchange, elasticsearch == 200 ? 200 : 503, "{\"name\":\"kibana\",\"version\":{\"number\":\"9.2.4\"},\"status\":{\"overall\":"
                + "{\"level\":\"" + level + "\",\"summary\":\"Elasticsearch answered " + elasticsearch + "\"}}}");
        } else if (!exchange.getRequestMethod().equals("GET") && exchange.getRequestHeaders().getFirst("kbn-xsrf") == null) {
            send(exchange, 400, "{\"statusCode\":400,\"error\":\"Bad Request\",\"message\":\"Request must contain a kbn-xsrf header.\"}");
        } else if (path.equals("/api/saved_objects/_import")) {
            send(exchange, 200, imported(body));
        } else if (path.startsWith("/api/saved_objects/") && objects.containsKey(path.substring(19))) {
            send(exchange, 200, objects.get(path.substring(19)));
        } else {
            send(exchange, 404, "{\"statusCode\":404,\"error\":\"Not Found\",\"message\":\"Not Found\"}");
        }
    }

    private static String imported(String body) {
        StringBuilder results = new StringBuilder();
        int count = 0;
        for (String line : body.split("\n")) {
            if (!line.startsWith("{")) {
                continue;
            }
            String type = found(line, "\"type\":\"([a-z-]+)\",\"typeMigrationVersion\"");
            String id = found(line, "\"id\":\"([^\"]+)\",\"references\"");
            boolean replaced = objects.put(type + "/" + id, line.trim()) != null;
            results.append(count++ == 0 ? "" : ",").append("{\"type\":\"").append(type).append("\",\"id\":\"").append(id)
                .append("\",\"meta\":{\"title\":\"").append(id).append("\"},\"managed\":false")
                .append(replaced ? ",\"overwrite\":true}" : "}");
        }
        return "{\"successCount\":" + count + ",\"success\":true,\"warnings\":[],\"successResults\":[" + results + "]}";
    }

    private static String found(String line, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(line);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static int elasticsearch() {
        try {
            URI uri = URI.create(System.getenv("ELASTICSEARCH_HOSTS") + "/_cluster/health");
            HttpURLConnection connection = (HttpURLConnection) uri.toURL().openConnection();
            String token = System.getenv("ELASTICSEARCH_SERVICEACCOUNTTOKEN");
            if (token != null) {
                connection.setRequestProperty("Authorization", "Bearer " + token);
            }
            return connection.getResponseCode();
        } catch (IOException error) {
            return 0;
        }
    }

    private static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", text.startsWith("{") ? "application/json" : "text/plain");
        exchange.getResponseHeaders().set("kbn-name", "kibana");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
