"""The shell round MQTT: listeners, connections and their timers."""
