"""An ordinary MQTT broker: a topic space per application, users with access lists."""
